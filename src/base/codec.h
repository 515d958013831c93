// codec.h: strict little-endian encoding. Writer appends; Reader takes fields in order and remembers the
// first failure, so that a decoder reads all fields and asks finish() once. One encoding per value: lengths
// are u32, booleans 0 or 1, and trailing bytes are an error.
#pragma once

#include <concepts>

#include "base/bytes.h"
#include "base/secret.h"

namespace clemmys {

class Writer {
 public:
  Writer() = default;
  // a Writer that continues after `start`.
  explicit Writer(Bytes start) : out_(std::move(start)) {}
  template <std::unsigned_integral T>
  void integer(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void u8(std::uint8_t value) { integer(value); }
  void u16(std::uint16_t value) { integer(value); }
  void u32(std::uint32_t value) { integer(value); }
  void u64(std::uint64_t value) { integer(value); }
  void boolean(bool value) { u8(value ? 1 : 0); }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  template <std::size_t N, typename Tag>
  void fixed(const FixedBytes<N, Tag>& value) {
    raw(value.view());
  }
  template <std::size_t N>
  void secret(const Secret<N>& value) {
    raw(value.view());
  }
  // blob writes a u32 length and the bytes.
  void blob(ByteView bytes);
  void text(std::string_view value) { blob(as_bytes(value)); }

  const Bytes& bytes() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  template <std::unsigned_integral T>
  T integer() {
    ByteView field = raw(sizeof(T));
    T value = 0;
    for (std::size_t i = 0; i < field.size(); ++i)
      value = static_cast<T>(value | static_cast<T>(T{field[i]} << (8 * i)));
    return value;
  }
  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  bool boolean();
  // raw gives a view of the next `size` bytes, empty after a failure.
  ByteView raw(std::size_t size);
  template <typename Fixed>
  Fixed fixed() {
    Fixed value{};
    ByteView field = raw(Fixed::kSize);
    if (!field.empty()) std::memcpy(value.bytes.data(), field.data(), field.size());
    return value;
  }
  template <std::size_t N = 32>
  Secret<N> secret() {
    Secret<N> value;
    ByteView field = raw(N);
    if (!field.empty()) std::memcpy(value.mutable_view().data(), field.data(), N);
    return value;
  }
  // blob reads a u32 length, at most size_max, and that many bytes.
  ByteView blob(std::size_t size_max = kBlobSizeMax);
  std::string text(std::size_t size_max = kBlobSizeMax) { return std::string(as_text(blob(size_max))); }
  // count reads a u32 number of elements and refuses one that the rest cannot hold at `element_size_min`
  // bytes each.
  std::uint32_t count(std::size_t element_size_min);
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  bool ok() const { return !failed_; }
  ByteView rest() const { return rest_; }
  // finish is an error of code kCorrupt at `site` if any field failed or bytes are left.
  Status finish(std::string_view site) const;

  static constexpr std::size_t kBlobSizeMax = 128u << 20;

 private:
  ByteView rest_;
  bool failed_ = false;
};

}  // namespace clemmys
