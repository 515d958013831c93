#include "base/clock.h"

#include <time.h>

namespace clemmys {

namespace {
std::uint64_t nanoseconds(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}
}  // namespace

std::uint64_t SystemClock::unix_ms() const { return nanoseconds(CLOCK_REALTIME) / 1'000'000; }
std::uint64_t SystemClock::monotonic_ns() const { return nanoseconds(CLOCK_MONOTONIC); }

}  // namespace clemmys
