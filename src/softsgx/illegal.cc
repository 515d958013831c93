#include "softsgx/illegal.h"

#include <algorithm>
#include <array>

namespace clemmys::softsgx {
namespace {

constexpr std::array<std::uint8_t, 11> kPrefixes = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e,
                                                    0x36, 0x3e, 0x26, 0x64, 0x65};
// INS, OUTS; IN, OUT; INT n, IRET; far RET; MOV to a segment register.
constexpr std::array<std::uint8_t, 17> kOneByte = {0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec,
                                                   0xed, 0xee, 0xef, 0xcd, 0xcf, 0xca, 0xcb, 0x8e};
// After 0F: RDPMC, SYSENTER, CPUID; POP FS, POP GS; LSS, LFS, LGS.
constexpr std::array<std::uint8_t, 8> kTwoBytes = {0x33, 0x34, 0xa2, 0xa1, 0xa9, 0xb2, 0xb4, 0xb5};
constexpr std::uint8_t kFarBranches = 0xff;  // with /3 and /5

template <std::size_t N>
bool among(const std::array<std::uint8_t, N>& all, std::uint8_t byte) {
  return std::ranges::find(all, byte) != all.end();
}

}  // namespace

bool illegal_inside(std::span<const std::uint8_t> code) {
  while (!code.empty() && among(kPrefixes, code[0])) code = code.subspan(1);
  if (!code.empty() && (code[0] & 0xf0) == 0x40) code = code.subspan(1);  // REX
  if (code.empty()) return false;
  if (among(kOneByte, code[0])) return true;
  if (code.size() < 2) return false;
  const int operation = code[1] >> 3 & 7;
  if (code[0] == kFarBranches) return operation == 3 || operation == 5;
  return code[0] == 0x0f && among(kTwoBytes, code[1]);
}

}  // namespace clemmys::softsgx
