// cpuid.h: CPUID as a processor with SGX2 answers it. Where the kernel can make CPUID fault, all of the
// program is answered so; else the CPUID instructions of the program and of the libraries it brings along are
// found in their functions and replaced at start, by as long an instruction that traps. System libraries, and
// code that is loaded or made later, then ask the real processor.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <vector>

namespace clemmys::softsgx {

struct CpuidAnswer {
  std::uint32_t eax, ebx, ecx, edx;
};
// sgx_cpuid answers a leaf. Source: Intel SDM volume 2A, "CPUID", and volume 3D, "SGX Resource Enumeration".
CpuidAnswer sgx_cpuid(std::uint32_t leaf, std::uint32_t subleaf);

// intercept_cpuid arranges for the answers, at these addresses (sorted) if need be; cpuid_trap gives one when
// `context` has trapped for it.
void intercept_cpuid(const std::vector<std::uint64_t>& sites);
bool cpuid_trap(int number, ucontext_t& context);

}  // namespace clemmys::softsgx
