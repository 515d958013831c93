// packet.h: bytes on their way from one socket to another. A packet is moved, never copied; its front can be
// cut off, so that an envelope leaves through another link than it came in by without its bytes being
// touched. Untrusted side only: holds ciphertext.
#pragma once

#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace clemmys::controller {

class Packet {
 public:
  Packet() = default;
  // Packet(size) has `size` bytes of unspecified content, to be filled through writable().
  explicit Packet(std::size_t size)
      : data_(std::make_unique_for_overwrite<std::uint8_t[]>(size)), end_(size) {}
  static Packet copy_of(ByteView bytes) {
    Packet packet(bytes.size());
    if (!bytes.empty()) std::memcpy(packet.data_.get(), bytes.data(), bytes.size());
    return packet;
  }
  Packet(Packet&& other) noexcept { *this = std::move(other); }
  Packet& operator=(Packet&& other) noexcept {
    data_ = std::move(other.data_);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    return *this;
  }

  ByteView view() const { return {data_.get() + begin_, end_ - begin_}; }
  MutableBytes writable() { return {data_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  // drop_front cuts off the first `size` bytes; there must be that many.
  void drop_front(std::size_t size) {
    CHECK(size <= this->size());
    begin_ += size;
  }

 private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace clemmys::controller
