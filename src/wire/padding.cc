#include <algorithm>
#include <bit>

#include "wire/seal.h"

namespace clemmys::wire {

std::uint64_t padme(std::uint64_t size) {
  if (size < 2) return size;
  const int exponent = static_cast<int>(std::bit_width(size)) - 1;            // E = floor(log2 L)
  const int mantissa_bits = std::bit_width(static_cast<unsigned>(exponent));  // S = floor(log2 E) + 1
  const std::uint64_t mask = (std::uint64_t{1} << std::max(exponent - mantissa_bits, 0)) - 1;
  return (size + mask) & ~mask;
}

std::uint64_t padded_size(std::uint64_t size) { return padme(std::max<std::uint64_t>(size, kPaddedSizeMin)); }

}  // namespace clemmys::wire
