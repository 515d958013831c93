#include "invoker/machine.h"

#include <cpuid.h>
#include <unistd.h>

namespace clemmys::invoker {

std::uint64_t memory_mib() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
  return pages <= 0 || size <= 0 ? 0
                                 : static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) >> 20;
}

// CPUID leaf 12H, sub-leaves from 2: EAX bits 3:0 are 1 for an EPC section; its size is bits 31:12 of ECX and
// bits 19:0 of EDX above them (Intel SDM, volume 2A, CPUID).
std::uint64_t epc_mib() {
  if (::access("/dev/sgx_enclave", R_OK | W_OK) != 0) return 0;
  constexpr unsigned kLeaf = 0x12, kSectionsMax = 64;
  std::uint64_t size = 0;
  for (unsigned section = 0; section < kSectionsMax; ++section) {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(kLeaf, 2 + section, &eax, &ebx, &ecx, &edx) == 0 || (eax & 0xf) != 1) break;
    size += (std::uint64_t{edx & 0xfffff} << 32) + (ecx & 0xfffff000);
  }
  return size >> 20;
}

}  // namespace clemmys::invoker
