#include "softsgx/run/cpuid.h"

#include <cpuid.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "sgx/arch.h"
#include "softsgx/range.h"
#include "softsgx/run/paths.h"
#include "softsgx/run/sites.h"

namespace clemmys::softsgx {
namespace {

constexpr int kArchSetCpuid = 0x1012;
constexpr std::uint32_t kSgxLeaf = 0x12;
constexpr std::uint64_t kEpcAddress = 0x80000000;  // of the one EPC section; nothing shows it otherwise

std::vector<std::uint64_t> sites;  // of UD2 that was CPUID; sorted, complete before the program runs
bool faults = false;               // the kernel makes CPUID fault

CpuidAnswer sgx_leaf(std::uint32_t subleaf) {
  constexpr auto size_bits = static_cast<std::uint32_t>(std::bit_width(kAreaEnd - kAreaStart) - 1);
  constexpr std::uint32_t kSgx1 = 1, kSgx2 = 2, kValidSection = 1, kProtectedSection = 1;
  switch (subleaf) {
    case 0:
      return {kSgx1 | kSgx2, sgx::kMiscExinfo, 0, size_bits << 8 | 31};
    case 1:
      return {static_cast<std::uint32_t>(sgx::kAttributeInit | sgx::kAttributeDebug | sgx::kAttributeMode64 |
                                         sgx::kAttributeProvisionKey | sgx::kAttributeEinitTokenKey |
                                         sgx::kAttributeKss),
              0, static_cast<std::uint32_t>(sgx::kXfrmLegacy | sgx::kXfrmAvx), 0};
    case 2: {
      const std::uint64_t size = epc_size();
      return {static_cast<std::uint32_t>(kEpcAddress) | kValidSection,
              static_cast<std::uint32_t>(kEpcAddress >> 32),
              static_cast<std::uint32_t>(size & 0xfffff000) | kProtectedSection,
              static_cast<std::uint32_t>(size >> 32)};
    }
    default:
      return {0, 0, 0, 0};
  }
}

// native asks the processor; the caller sees to it that this does not trap.
CpuidAnswer native(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidAnswer answer{};
  __cpuid_count(leaf, subleaf, answer.eax, answer.ebx, answer.ecx, answer.edx);
  return answer;
}

}  // namespace

CpuidAnswer sgx_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  if (leaf == kSgxLeaf) return sgx_leaf(subleaf);
  CpuidAnswer answer = native(leaf, subleaf);
  if (leaf == 0) {
    answer.eax = std::max(answer.eax, kSgxLeaf);
    std::memcpy(&answer.ebx, "Genu", 4);
    std::memcpy(&answer.edx, "ineI", 4);
    std::memcpy(&answer.ecx, "ntel", 4);
  } else if (leaf == 7 && subleaf == 0) {
    answer.ebx |= 1u << 2;   // SGX
    answer.ecx |= 1u << 30;  // SGX_LC
  }
  return answer;
}

void intercept_cpuid(const std::vector<std::uint64_t>& found) {
  faults = ::syscall(SYS_arch_prctl, kArchSetCpuid, 0) == 0;
  if (faults) return;
  sites = found;
  for (const std::uint64_t site : sites) make_undefined(site);
}

bool cpuid_trap(int number, ucontext_t& context) {
  auto* registers = context.uc_mcontext.gregs;
  const auto rip = static_cast<std::uint64_t>(registers[REG_RIP]);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(rip);
  const bool by_fault =
      faults && number == SIGSEGV && registers[REG_TRAPNO] == 13 && bytes[0] == 0x0f && bytes[1] == 0xa2;
  if (!by_fault && !(number == SIGILL && std::ranges::binary_search(sites, rip))) return false;
  if (by_fault) (void)::syscall(SYS_arch_prctl, kArchSetCpuid, 1);
  const CpuidAnswer answer = sgx_cpuid(static_cast<std::uint32_t>(registers[REG_RAX]),
                                       static_cast<std::uint32_t>(registers[REG_RCX]));
  if (by_fault) (void)::syscall(SYS_arch_prctl, kArchSetCpuid, 0);
  registers[REG_RAX] = answer.eax;
  registers[REG_RBX] = answer.ebx;
  registers[REG_RCX] = answer.ecx;
  registers[REG_RDX] = answer.edx;
  registers[REG_RIP] += 2;
  return true;
}

}  // namespace clemmys::softsgx
