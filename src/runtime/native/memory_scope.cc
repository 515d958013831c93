#include "runtime/native/memory_scope.h"

#include <sys/resource.h>

#include <algorithm>

namespace clemmys::runtime {
namespace {

// set_soft_limit gives the limit that was there before.
std::uint64_t set_soft_limit(std::uint64_t bytes) {
  rlimit limit{};
  if (getrlimit(RLIMIT_DATA, &limit) != 0) return RLIM_INFINITY;
  const std::uint64_t before = limit.rlim_cur;
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  setrlimit(RLIMIT_DATA, &limit);
  return before;
}

}  // namespace

MemoryScope::MemoryScope(std::uint32_t memory_mib) {
  const std::uint64_t bytes = std::uint64_t{memory_mib} << 20;
  before_ = set_soft_limit(bytes > 2 * kMemoryReserve ? bytes - kMemoryReserve : bytes);
}

MemoryScope::~MemoryScope() { set_soft_limit(before_); }

}  // namespace clemmys::runtime
