// host_answers.h: the parts of host_answers_fuzz: the input, a program's memory, and the host that answers by
// the input.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "fuzz.h"
#include "shield/forwarded.h"
#include "shield/testing/fake_host.h"

namespace clemmys::fuzz {

using namespace shield;

// Input is read front to back; beyond its end there are zeros.
class Input {
 public:
  explicit Input(ByteView bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::uint64_t word() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }

 private:
  ByteView bytes_;
};

// Buffer is memory of the program with a guard on either side.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : size_(size), bytes_(size + 2 * kGuard, kAround) {
    std::memset(bytes_.data() + kGuard, 0, size);
  }
  ~Buffer() {
    for (std::size_t i = 0; i < kGuard; ++i)
      CHECK(bytes_[i] == kAround && bytes_[kGuard + size_ + i] == kAround);
  }
  std::uint64_t address() const { return address_of(bytes_.data() + kGuard); }
  template <typename T>
  T get(std::size_t offset = 0) const {
    return host_read<T>(address() + offset);
  }
  template <typename T>
  void put(const T& value, std::size_t offset = 0) {
    host_write(address() + offset, value);
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr std::uint8_t kAround = 0xa5;
  std::size_t size_;
  Bytes bytes_;
};

// HostileHost answers by the input. It remembers the tokens it was given, so that some lies come near the
// truth.
class HostileHost {
 public:
  explicit HostileHost(Input& input) : input_(input) {
    host_.answer_parks(true);
    host_.answer([this](const HostCall& call) { return answer(call); });
    tick();
  }
  bool read_twice() const { return host_.read_twice(); }
  void tick() { host_.time_stamp(counter_ += input_.byte() == 255 ? input_.word() : 1000); }

 private:
  static constexpr std::uint64_t kHostCallsMax = 2000;

  std::int64_t answer(const HostCall& call) {
    if (host_.calls() > kHostCallsMax) throw Stopped("fuzz.enough");
    const auto* known = std::find_if(std::begin(kForwarded), std::end(kForwarded),
                                     [&](const Forwarded& one) { return one.number == call.number; });
    if (known != std::end(kForwarded)) {
      for (const Pointer& pointer : known->pointers) scribble(call, pointer);
    } else if (call.number == static_cast<std::uint64_t>(OwnCall::kCpuid)) {
      host_write(call.arguments[2], std::array{input_.word(), input_.word()});
    }
    if (call.number == __NR_epoll_ctl && host_read<std::uint64_t>(call.arguments[3] + 4) != 0)
      tokens_.push_back(host_read<std::uint64_t>(call.arguments[3] + 4));
    switch (input_.byte() % 6) {
      case 0:
        return 0;
      case 1:
        return input_.byte();
      case 2:
        return -static_cast<std::int64_t>(input_.byte());
      case 3:
        return static_cast<std::int64_t>(call.arguments[2]);
      case 4:
        return next_descriptor_++;
      default:
        return static_cast<std::int64_t>(input_.word());
    }
  }
  // scribble writes what the input says into the memory of one pointer: nothing, likely values, or anything.
  void scribble(const HostCall& call, const Pointer& pointer) {
    if (pointer.argument < 0 || pointer.path || call.number == __NR_epoll_ctl) return;
    const std::uint64_t address = call.arguments[pointer.argument];
    std::uint64_t size = pointer.size;
    if (pointer.size_argument >= 0) size *= call.arguments[pointer.size_argument];
    if (address == 0 || size == 0) return;
    const std::uint8_t how = input_.byte();
    if (how % 4 == 1) {  // small numbers, and pairs of descriptors
      for (std::uint64_t at = 0; at + 4 <= size && at < 64; at += 4)
        host_write(address + at, std::uint32_t{input_.byte()});
    } else if (how % 4 == 2 && !tokens_.empty()) {  // struct epoll_event
      for (std::uint64_t at = 0; at + 12 <= size && at < 48; at += 12) {
        host_write(address + at, static_cast<std::uint32_t>(input_.byte()));
        host_write(address + at + 4, tokens_[input_.byte() % tokens_.size()]);
      }
    } else if (how % 4 == 3) {
      for (std::uint64_t at = 0; at < size && at < 256 && !input_.empty(); ++at)
        host_write(address + at, input_.byte());
    }
  }

  FakeHost host_;
  Input& input_;
  std::vector<std::uint64_t> tokens_;
  std::uint64_t counter_ = 0;
  std::int64_t next_descriptor_ = 20;
};

}  // namespace clemmys::fuzz
