#include "wire/padding.h"

#include <algorithm>
#include <bit>

#include "base/codec.h"

namespace clemmys::wire {
namespace {
constexpr std::size_t kSizeSize = sizeof(std::uint64_t);
}

std::uint64_t padme(std::uint64_t size) {
  if (size < 2) return size;
  const int exponent = static_cast<int>(std::bit_width(size)) - 1;            // E = floor(log2 L)
  const int mantissa_bits = std::bit_width(static_cast<unsigned>(exponent));  // S = floor(log2 E) + 1
  const std::uint64_t mask = (std::uint64_t{1} << std::max(exponent - mantissa_bits, 0)) - 1;
  return (size + mask) & ~mask;
}

std::uint64_t padded_size(std::uint64_t size) { return padme(std::max<std::uint64_t>(size, kPaddedSizeMin)); }

void pad(Bytes& data, std::size_t start) {
  const std::size_t size = data.size() - start;
  data.resize(start + padded_size(size + kSizeSize) - kSizeSize);
  Writer writer(std::move(data));
  writer.u64(size);
  data = writer.take();
}

bool unpad(Bytes& padded) {
  if (padded.size() < kPaddedSizeMin) return false;
  const std::uint64_t size = Reader(ByteView(padded).last(kSizeSize)).u64();
  const std::size_t room = padded.size() - kSizeSize;
  if (size > room || padded_size(size + kSizeSize) != padded.size() ||
      !std::ranges::all_of(ByteView(padded).subspan(size, room - size),
                           [](std::uint8_t byte) { return byte == 0; })) {
    return false;
  }
  padded.resize(size);
  return true;
}

}  // namespace clemmys::wire
