// padding.h: how lengths are hidden. A padded plaintext is `data ‖ zeros ‖ u64 size of data`.
#pragma once

#include "base/bytes.h"

namespace clemmys::wire {

inline constexpr std::size_t kPaddedSizeMin = 256;

// padme rounds a size up so that it leaks O(log log n) bits (PADMÉ, PURBs paper §4).
std::uint64_t padme(std::uint64_t size);
// padded_size is the size of the ciphertext that holds `size` bytes of plaintext.
std::uint64_t padded_size(std::uint64_t size);

// pad appends what follows the data, which begins at data[start].
void pad(Bytes& data, std::size_t start = 0);
// unpad leaves the data alone; false for anything that pad does not make, with `padded` as it was.
bool unpad(Bytes& padded);

}  // namespace clemmys::wire
