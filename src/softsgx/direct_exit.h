// direct_exit.h: EEXIT without a trap. A trap takes 2.5 µs of processor time here, twenty times what the exit
// itself does. Code that marks its EEXIT promises to leave there as the manual describes it: RBX is the
// address that EENTER gave in RCX, and nothing afterwards looks at RCX and RAX. Where a page of code is
// added, the emulator puts a jump to RBX in the place of a marked EEXIT; the measurement is that of the bytes
// as they were given. Only for enclaves that are entered by Enclave::enter, whose exit addresses are
// softsgx_exits.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace clemmys::softsgx {

// kMarkedExit: nopl 0x54495845(%rax) (the mark), mov $4, %eax, enclu.
inline constexpr std::array<std::uint8_t, 15> kMarkedExit = {0x0f, 0x1f, 0x80, 0x45, 0x58, 0x49, 0x54, 0xb8,
                                                             0x04, 0x00, 0x00, 0x00, 0x0f, 0x01, 0xd7};
inline constexpr std::size_t kMarkSize = 7;
inline constexpr std::array<std::uint8_t, 2> kJumpToRbx = {0xff, 0xe3};

// with_direct_exits gives the pages with jumps in place of marked exits; nothing when there is none.
inline Bytes with_direct_exits(ByteView pages) {
  Bytes changed;
  const std::uint8_t* const begin = pages.data();
  for (const std::uint8_t* at = begin;;) {
    const auto left = static_cast<std::size_t>(begin + pages.size() - at);
    at = static_cast<const std::uint8_t*>(::memmem(at, left, kMarkedExit.data(), kMarkedExit.size()));
    if (at == nullptr) return changed;
    if (changed.empty()) changed = to_bytes(pages);
    std::ranges::copy(kJumpToRbx, changed.begin() + (at - begin) + kMarkSize);
    at += kMarkedExit.size();
  }
}

}  // namespace clemmys::softsgx
