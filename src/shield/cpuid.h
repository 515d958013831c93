// cpuid.h: what the program is told about its processor: the host's answer, asked once per leaf, narrowed to
// what XFRM allows and raised to what every SGX machine has (a host must not be able to switch AES-NI off and
// get table lookups).
#pragma once

#include <stdint.h>

namespace clemmys::shield {

struct CpuidAnswer {
  uint32_t eax, ebx, ecx, edx;
  friend constexpr bool operator==(const CpuidAnswer&, const CpuidAnswer&) = default;
};

// narrow_cpuid is the rule alone.
CpuidAnswer narrow_cpuid(uint32_t leaf, uint32_t subleaf, CpuidAnswer answer);
// cpuid asks the host on first use and remembers.
CpuidAnswer cpuid(uint32_t leaf, uint32_t subleaf);

}  // namespace clemmys::shield
