// memory_scope.h: the action's memory limit, as the handler feels it: while one lives, mmap and brk fail at
// the limit (RLIMIT_DATA: the shield's in an enclave, the kernel's in an ordinary process), so that malloc
// returns null and new throws. A reserve below the limit stays for the runtime, which must still say what
// happened. It is for programs that err, not against hostile ones: native code can raise it again, and meets
// the host's limits then.
#pragma once

#include <cstdint>

namespace clemmys::runtime {

inline constexpr std::uint64_t kMemoryReserve = 16u << 20;

class MemoryScope {
 public:
  explicit MemoryScope(std::uint32_t memory_mib);
  ~MemoryScope();
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

 private:
  std::uint64_t before_ = 0;
};

}  // namespace clemmys::runtime
