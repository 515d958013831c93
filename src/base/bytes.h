// bytes.h: plain bytes, fixed-size identifiers, and hexadecimal text.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clemmys {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

// FixedBytes is a public value of N bytes; Tag keeps one kind of identifier from being passed for another.
template <std::size_t N, typename Tag>
struct FixedBytes {
  std::array<std::uint8_t, N> bytes{};
  static constexpr std::size_t kSize = N;

  auto operator<=>(const FixedBytes&) const = default;
  ByteView view() const { return bytes; }
  bool is_zero() const { return *this == FixedBytes{}; }
  // from copies exactly N bytes; other sizes are refused.
  static Result<FixedBytes> from(ByteView source) {
    if (source.size() != N) return Error{ErrorCode::kInvalid, "base.fixed_bytes.size"};
    FixedBytes value;
    std::memcpy(value.bytes.data(), source.data(), N);
    return value;
  }
};

using Digest = FixedBytes<32, struct DigestTag>;            // SHA-256
using Measurement = FixedBytes<32, struct MeasurementTag>;  // MRENCLAVE
using SignerId = FixedBytes<32, struct SignerIdTag>;        // MRSIGNER
using ActivationId = FixedBytes<16, struct ActivationIdTag>;
using ChainId = FixedBytes<16, struct ChainIdTag>;
using FunctionId = FixedBytes<16, struct FunctionIdTag>;
using NamespaceId = FixedBytes<16, struct NamespaceIdTag>;
using SessionId = FixedBytes<16, struct SessionIdTag>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }

// to_hex gives lower-case hexadecimal; from_hex accepts exactly that (no upper case, no prefix).
std::string to_hex(ByteView bytes);
Result<Bytes> from_hex(std::string_view text);

template <std::size_t N, typename Tag>
std::string to_hex(const FixedBytes<N, Tag>& value) {
  return to_hex(value.view());
}
template <typename Fixed>
Result<Fixed> fixed_from_hex(std::string_view text) {
  auto bytes = from_hex(text);
  if (!bytes) return bytes.error();
  return Fixed::from(*bytes);
}

}  // namespace clemmys
