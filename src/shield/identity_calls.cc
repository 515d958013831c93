// What the program may know about itself and the machine. Constant where the host's word would be worth
// nothing.
#include <linux/resource.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/pages.h"

namespace clemmys::shield {

int64_t call_uname(uint64_t buffer) {
  constexpr uint64_t kField = 65;
  if (!program_range(buffer, 6 * kField)) return -EFAULT;
  char* to = reinterpret_cast<char*>(buffer);
  memset(to, 0, 6 * kField);
  memcpy(to, "Linux", 5);
  memcpy(to + kField, "enclave", 7);
  memcpy(to + 2 * kField, "6.1.0", 5);
  memcpy(to + 3 * kField, "clemmys", 7);
  memcpy(to + 4 * kField, "x86_64", 6);
  return 0;
}

int64_t call_prlimit(uint64_t, uint64_t resource, uint64_t limit_new, uint64_t limit_old) {
  if (limit_new != 0 && resource != RLIMIT_DATA) return -EPERM;
  if ((limit_old != 0 && !program_range(limit_old, 16)) || (limit_new != 0 && !program_range(limit_new, 16)))
    return -EFAULT;
  const uint64_t data = data_limit();
  if (limit_new != 0) set_data_limit(*reinterpret_cast<const uint64_t*>(limit_new));
  if (limit_old == 0) return 0;
  if (resource == RLIMIT_DATA) {
    auto* to = reinterpret_cast<uint64_t*>(limit_old);
    to[0] = data;
    to[1] = ~0ull;
    return 0;
  }
  const uint64_t value = resource == RLIMIT_STACK    ? layout().stack_size
                         : resource == RLIMIT_NOFILE ? kDescriptorsMax
                                                     : ~0ull;
  auto* to = reinterpret_cast<uint64_t*>(limit_old);
  to[0] = to[1] = value;
  return 0;
}

int64_t call_sched_getaffinity(uint64_t, uint64_t size, uint64_t mask) {
  if (size < 8 || !program_range(mask, size)) return -EINVAL;
  Bounce bounce;
  constexpr uint64_t kHostMask = 128;
  const uint64_t place = bounce.reserve(kHostMask);
  const int64_t got = call(__NR_sched_getaffinity, kHostMask, 0, kHostMask, place);
  uint64_t cpus = 0;
  for (int64_t i = 0; i + 8 <= got; i += 8) {
    for (uint64_t word = bounce.get<uint64_t>(place + static_cast<uint64_t>(i)); word != 0; word &= word - 1)
      ++cpus;
  }
  if (cpus == 0) cpus = 1;
  if (cpus > 64) cpus = 64;
  *reinterpret_cast<uint64_t*>(mask) = ~0ull >> (64 - cpus);
  return 8;
}

int64_t call_getrusage(uint64_t, uint64_t usage) {
  constexpr uint64_t kSize = 144, kMaxRssOffset = 32;  // struct rusage
  if (!program_range(usage, kSize)) return -EFAULT;
  memset(reinterpret_cast<void*>(usage), 0, kSize);
  *reinterpret_cast<uint64_t*>(usage + kMaxRssOffset) = committed_pages() * 4;
  return 0;
}

int64_t call_getres(uint64_t real, uint64_t effective, uint64_t saved) {
  const uint64_t places[] = {real, effective, saved};
  for (const uint64_t to : places) {
    if (!program_range(to, 4)) return -EFAULT;
    *reinterpret_cast<uint32_t*>(to) = 0;
  }
  return 0;
}

int64_t call_getcpu(uint64_t cpu, uint64_t node) {
  const uint64_t places[] = {cpu, node};
  for (const uint64_t to : places) {
    if (to != 0 && !program_range(to, 4)) return -EFAULT;
    if (to != 0) *reinterpret_cast<uint32_t*>(to) = 0;
  }
  return 0;
}

int64_t call_sysinfo(uint64_t info) {
  constexpr uint64_t kSize = 112;  // struct sysinfo
  if (!program_range(info, kSize)) return -EFAULT;
  auto* to = reinterpret_cast<uint64_t*>(info);
  memset(to, 0, kSize);
  to[4] = to[5] = 8ull << 30;                    // totalram, freeram
  *reinterpret_cast<uint32_t*>(info + 104) = 1;  // mem_unit
  return 0;
}

}  // namespace clemmys::shield
