// descriptor.h: an open file descriptor with an owner. Trust: shared.
#pragma once

#include <unistd.h>

namespace clemmys {

// Descriptor closes its value when it goes; a negative value is none.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace clemmys
