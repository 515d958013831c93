// secret.h: bytes that must not leak. A Secret is wiped when it ends, moves but copies only on request, does
// not print, and compares in constant time.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace clemmys {

// wipe overwrites memory in a way the compiler cannot drop.
void wipe(void* data, std::size_t size);

// equal_constant_time compares without a branch on the contents; different sizes are unequal.
bool equal_constant_time(ByteView left, ByteView right);

// WipeAtEnd wipes what a buffer holds when the scope ends, however it ends.
class WipeAtEnd {
 public:
  explicit WipeAtEnd(Bytes& bytes) : bytes_(bytes) {}
  ~WipeAtEnd() { wipe(bytes_.data(), bytes_.size()); }
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;

 private:
  Bytes& bytes_;
};

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, N> source) { std::memcpy(bytes_.data(), source.data(), N); }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_.data(), N); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_.data(), N);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(bytes_.data(), N); }

  static constexpr std::size_t kSize = N;
  Secret copy() const { return Secret(std::span<const std::uint8_t, N>(bytes_)); }
  ByteView view() const { return bytes_; }
  MutableBytes mutable_view() { return bytes_; }
  static Result<Secret> from(ByteView source) {
    if (source.size() != N) return Error{ErrorCode::kInvalid, "base.secret.size"};
    return Secret(std::span<const std::uint8_t, N>(source.data(), N));
  }
  bool operator==(const Secret& other) const { return equal_constant_time(view(), other.view()); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

using Key = Secret<32>;

}  // namespace clemmys
