// deadline.h: when translated code must have ended (interruptible.h). Trust: trusted; the clock is the host's
// claim, so that a deadline ends what errs and is no protection from the host. Threads: a deadline belongs to
// the thread that made it.
#pragma once

#include "base/clock.h"

namespace clemmys::wasm {

// deadline_ns is when a call must have ended, by the monotonic clock: a little (5 %, 20 ms at most) before
// its time limit, at which the host ends the instance, so that code that took too long costs its call only;
// and no later than deadline_unix_ms. 0 is no limit, for each.
std::uint64_t deadline_ns(const Clock& clock, std::uint64_t timeout_ms, std::uint64_t deadline_unix_ms);

// Deadline ends, while it lives, this thread's interruptible code with Trap::kOutOfTime. At most one lives
// per thread. 0 is never.
class Deadline {
 public:
  Deadline(const Clock& clock, std::uint64_t monotonic_ns);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  bool passed() const { return monotonic_ns_ != 0 && clock_.monotonic_ns() >= monotonic_ns_; }
  std::uint64_t monotonic_ns() const { return monotonic_ns_; }

 private:
  const Clock& clock_;
  std::uint64_t monotonic_ns_;
};

// charge counts what a host function did for the module as so many steps of its own (interruptible.h).
void charge(std::uint32_t steps);

}  // namespace clemmys::wasm
