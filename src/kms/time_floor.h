// time_floor.h: the KMS's time. The clock is the host's, so it is a claim; but it never goes behind the
// highest time that was given out, nor, after a restart, behind the highest that was journaled: that of every
// change, and of every certificate. A host can push it forward: that only makes things expire.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace clemmys::kms {

class TimeFloor {
 public:
  explicit TimeFloor(const Clock& clock) : clock_(clock) {}
  std::uint64_t unix_ms() { return floor_ms_ = std::max(floor_ms_, clock_.unix_ms()); }
  void raise(std::uint64_t unix_ms) { floor_ms_ = std::max(floor_ms_, unix_ms); }

 private:
  const Clock& clock_;
  std::uint64_t floor_ms_ = 0;
};

}  // namespace clemmys::kms
