#include "shield/cpuid.h"

#include "shield/host.h"
#include "shield/lock.h"

namespace clemmys::shield {
namespace {

constexpr uint32_t bits(auto... positions) { return (0u | ... | (1u << positions)); }

// Intel SDM volume 2A, CPUID.
constexpr uint32_t kLeaf1EcxAlways = bits(1, 25, 30);  // PCLMULQDQ, AES, RDRAND
constexpr uint32_t kLeaf1EcxNever = bits(5, 31);       // VMX, hypervisor
constexpr uint32_t kLeaf7EbxAlways = bits(18);         // RDSEED
constexpr uint32_t kLeaf7EbxNever =
    bits(2, 4, 11, 14, 16, 17, 21, 25, 26, 27, 28, 30, 31);  // SGX, TSX, MPX, PT, AVX-512
constexpr uint32_t kLeaf7EcxNever =
    bits(1, 3, 4, 5, 6, 7, 11, 12, 14, 23, 31);  // AVX-512, keys, WAITPKG, CET
constexpr uint32_t kLeaf7EdxNever =
    bits(2, 3, 5, 8, 11, 13, 20, 22, 23, 24, 25);  // AVX-512, UINTR, TSX, CET, AMX
constexpr uint32_t kLeaf7Sub1EaxKeep = bits(4);    // AVX-VNNI

struct Entry {
  uint32_t leaf, subleaf;
  CpuidAnswer answer;
};
constexpr uint64_t kEntriesMax = 96;
Entry entries[kEntriesMax];
uint64_t entry_count;
Lock lock;

// known is whether the answer stands already: what was said once holds, and once the table is full the rest
// is zero, so that the host never answers one question in two ways. The caller holds the lock.
bool known(uint32_t leaf, uint32_t subleaf, CpuidAnswer* answer) {
  for (uint64_t i = 0; i < entry_count; ++i) {
    if (entries[i].leaf != leaf || entries[i].subleaf != subleaf) continue;
    *answer = entries[i].answer;
    return true;
  }
  return entry_count == kEntriesMax;
}

}  // namespace

CpuidAnswer narrow_cpuid(uint32_t leaf, uint32_t subleaf, CpuidAnswer a) {
  switch (leaf) {
    case 1:
      a.ecx = (a.ecx | kLeaf1EcxAlways) & ~kLeaf1EcxNever;
      return a;
    case 7:
      if (subleaf == 0) {
        return {a.eax > 1 ? 1 : a.eax, (a.ebx | kLeaf7EbxAlways) & ~kLeaf7EbxNever, a.ecx & ~kLeaf7EcxNever,
                a.edx & ~kLeaf7EdxNever};
      }
      return subleaf == 1 ? CpuidAnswer{a.eax & kLeaf7Sub1EaxKeep, 0, 0, 0} : CpuidAnswer{};
    case 0xd:  // XSAVE: components 0 to 2 in 832 bytes; XSAVEOPT, XSAVEC and XGETBV(1)
      if (subleaf == 0) return {7, 832, 832, 0};
      if (subleaf == 1) return {a.eax & 7, 832, 0, 0};
      return subleaf == 2 ? CpuidAnswer{256, 576, 0, 0} : CpuidAnswer{};
    case 0x12:
    case 0x14:
    case 0x19:
    case 0x1d:
    case 0x1e:
    case 0x20:
    case 0x24:  // SGX, PT, key locker, AMX, AVX10
      return {};
    default:
      return leaf >= 0x40000000 && leaf < 0x80000000 ? CpuidAnswer{} : a;
  }
}

#ifdef CLEMMYS_SHIELD_HOSTED
void forget_cpuid() { entry_count = 0; }
#endif

CpuidAnswer cpuid(uint32_t leaf, uint32_t subleaf) {
  const bool indexed = leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd || leaf == 0x18 || leaf == 0x1f;
  if (!indexed) subleaf = 0;
  CpuidAnswer answer{};
  {
    Guard guard(lock);
    if (known(leaf, subleaf, &answer)) return answer;
  }
  Bounce bounce;
  const uint64_t place = bounce.reserve(sizeof(CpuidAnswer));
  refuse_if(call(OwnCall::kCpuid, 0, leaf, subleaf, place) != 0, "cpuid.host");
  const CpuidAnswer claimed = narrow_cpuid(leaf, subleaf, bounce.get<CpuidAnswer>(place));
  Guard guard(lock);
  if (known(leaf, subleaf, &answer)) return answer;  // another thread asked meanwhile
  entries[entry_count++] = {leaf, subleaf, claimed};
  return claimed;
}

}  // namespace clemmys::shield
