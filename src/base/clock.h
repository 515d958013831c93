// clock.h: time as a parameter. SystemClock asks the operating system (inside an enclave: the host, so it is
// a claim); FakeClock is set by tests.
#pragma once

#include <atomic>
#include <cstdint>

namespace clemmys {

class Clock {
 public:
  virtual ~Clock() = default;
  // unix_ms is wall time in milliseconds since 1970-01-01 UTC.
  virtual std::uint64_t unix_ms() const = 0;
  // monotonic_ns never goes back within one process; its zero is arbitrary.
  virtual std::uint64_t monotonic_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::uint64_t unix_ms() const override;
  std::uint64_t monotonic_ns() const override;
};

class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::uint64_t unix_ms) : now_ms_(unix_ms) {}
  std::uint64_t unix_ms() const override { return now_ms_; }
  std::uint64_t monotonic_ns() const override { return now_ms_ * 1'000'000; }
  void advance_ms(std::uint64_t step_ms) { now_ms_ += step_ms; }
  void set_ms(std::uint64_t unix_ms) { now_ms_ = unix_ms; }

 private:
  std::atomic<std::uint64_t> now_ms_;
};

}  // namespace clemmys
