// world.h: what the JavaScript of one action reaches: its own files, the log, time, randomness, digests.
// Nothing else.
#pragma once

#include "base/clock.h"
#include "runtime/js/engine.h"
#include "runtime/js/files.h"

namespace clemmys::runtime::js {

class World final : public Host {
 public:
  explicit World(const Clock& clock) : clock_(clock) {}
  ~World() override;

  void set_files(ActionFiles files) { files_ = std::move(files); }

  // set_deadline_ns (monotonic; 0 is none) is when interrupted() begins to say so.
  void set_deadline_ns(std::uint64_t deadline_ns) {
    deadline_ns_ = deadline_ns;
    interrupted_ = false;
  }
  // was_interrupted: something was ended half-way since the deadline was set.
  bool was_interrupted() const { return interrupted_; }
  bool out_of_time() const { return deadline_ns_ != 0 && clock_.monotonic_ns() >= deadline_ns_; }
  // sleep_ms waits that long, or until the deadline.
  void sleep_ms(double ms) const;

  Value call(Engine& engine, std::size_t function, std::span<const Value> arguments) override;
  bool interrupted() override { return interrupted_ = interrupted_ || out_of_time(); }
  std::uint64_t unix_ns() override { return clock_.unix_ms() * 1'000'000; }
  std::uint64_t monotonic_ns() override { return clock_.monotonic_ns(); }

 private:
  double random_double();

  ActionFiles files_;
  const Clock& clock_;
  std::uint64_t deadline_ns_ = 0;
  bool interrupted_ = false;
  std::array<std::uint64_t, 64>
      random_{};  // outside the sandbox, so that no snapshot ever holds a coming value
  std::size_t random_left_ = 0;
};

}  // namespace clemmys::runtime::js
