// supervised.h: a part of a local platform that is started again when it ends. Idea: one end is an accident,
// and the part is back at once; a part that keeps ending gets longer and longer pauses, and then the user
// gets its last words: a platform that never comes up again must not look like one that runs. Threads: the
// main thread only.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/process.h"

namespace clemmys::cli {

// Part is one child and how to see that it is ready. prepare, where there is one, then does what each life
// needs before the part is of use.
struct Part {
  std::string name;
  std::vector<std::string> arguments;
  std::function<bool()> ready;
  std::function<Status()> prepare = {};
};

class Supervised {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kReadyWithin{30};
  static constexpr std::chrono::seconds kLongLife{60};  // who lived so long ended by accident
  static constexpr unsigned kEndsMax = 6;               // in a row, each without a long life

  // start begins the part's first life, in the current folder; its output is appended to `log`.
  static Result<Supervised> start(Part part, fs::path log, Time now);

  const Part& part() const { return part_; }
  Child& child() { return *child_; }
  // became_ready prepares the part and ends a life's first phase; look() does it by itself for every life but
  // the first.
  Status became_ready();
  // settled is false while look() wants to be called more often than seldom.
  bool settled() const { return state_ == State::kRunning; }
  // look takes the part one step further and says what is worth telling, if anything. kUnavailable, with its
  // last log lines: it ended too often.
  Result<std::optional<std::string>> look(Time now);

 private:
  enum class State : std::uint8_t { kStarting, kRunning, kPausing };
  Supervised(Part part, fs::path log) : part_(std::move(part)), log_(std::move(log)) {}
  Status begin(Time now);
  Result<std::optional<std::string>> ended(const std::string& how, Time now);

  Part part_;
  fs::path log_;
  std::optional<Child> child_;
  State state_ = State::kStarting;
  Time since_;  // of this life, or, while pausing, when the next one begins
  unsigned ends_ = 0;
};

}  // namespace clemmys::cli
