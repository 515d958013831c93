// fake_sealer.h: a sealing key for tests, for a "machine and image" that the test names by one byte.
#pragma once

#include "kms/sealer.h"

namespace clemmys::kms::testing {

class FakeSealer final : public Sealer {
 public:
  explicit FakeSealer(std::uint8_t machine = 1) : machine_(machine) {}
  Result<Key> sealing_key() override {
    Key key;
    key.mutable_view()[0] = machine_;
    return key;
  }

 private:
  std::uint8_t machine_;
};

}  // namespace clemmys::kms::testing
