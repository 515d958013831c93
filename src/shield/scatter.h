// scatter.h: a list of program buffers as one run of bytes: what readv, writev, recvmsg and sendmsg name.
#pragma once

#include "shield/calls.h"
#include "shield/host.h"
#include "shield/memory.h"

namespace clemmys::shield {

class Scatter {
 public:
  Scatter(uint64_t address, uint64_t size) : one_{address, size} { check(); }
  // The list is the program's: it stays in place, and is trusted not to change meanwhile, as the program's
  // own memory is.
  Scatter(const Iovec* list, uint64_t count) : list_(list), count_(count) {
    if (count > kIovecCountMax || !program_range(reinterpret_cast<uint64_t>(list), count * sizeof(Iovec)))
      valid_ = false;
    else
      check();
  }

  bool valid() const { return valid_; }
  uint64_t size() const { return size_; }  // bytes not yet filled or drained

  // fill spreads `size` bytes of the bounce buffer over the parts.
  void fill(const Bounce& bounce, uint64_t place, uint64_t size) {
    each(size, [&](uint64_t address, uint64_t step, uint64_t done) {
      bounce.get(reinterpret_cast<void*>(address), place + done, step);
    });
  }
  // drain gathers `size` bytes into host memory that Bounce reserved.
  void drain(const Bounce& bounce, uint64_t place, uint64_t size) {
    each(size, [&](uint64_t address, uint64_t step, uint64_t done) {
      bounce.fill(place + done, reinterpret_cast<const void*>(address), step);
    });
  }
  // copy_from and copy_to move bytes between the parts and the shield's own memory.
  void copy_from(const void* source, uint64_t size) {
    each(size, [&](uint64_t address, uint64_t step, uint64_t done) {
      memcpy(reinterpret_cast<void*>(address), static_cast<const char*>(source) + done, step);
    });
  }
  void copy_to(void* target, uint64_t size) {
    each(size, [&](uint64_t address, uint64_t step, uint64_t done) {
      memcpy(static_cast<char*>(target) + done, reinterpret_cast<const void*>(address), step);
    });
  }

 private:
  Iovec at(uint64_t index) const { return list_ == nullptr ? one_ : list_[index]; }
  void check() {
    for (uint64_t i = 0; i < count_; ++i) {
      const Iovec part = at(i);
      if (part.size == 0) continue;
      if (!program_range(part.base, part.size) || size_ + part.size > kElrangeSize) valid_ = false;
      size_ += part.size;
    }
  }
  template <typename Move>
  void each(uint64_t size, Move move) {
    size_ -= size;
    for (uint64_t done = 0; done < size;) {
      const Iovec part = at(index_);
      const uint64_t left = part.size - offset_;
      const uint64_t step = left < size - done ? left : size - done;
      if (step > 0) move(part.base + offset_, step, done);
      done += step;
      offset_ += step;
      if (offset_ == part.size) ++index_, offset_ = 0;
    }
  }

  Iovec one_{};
  const Iovec* list_ = nullptr;
  uint64_t count_ = 1, size_ = 0, index_ = 0, offset_ = 0;
  bool valid_ = true;
};

}  // namespace clemmys::shield
