#include "cli/supervised.h"

#include "cli/outcome.h"

namespace clemmys::cli {
namespace {

using std::chrono::milliseconds;

// pause_after the n-th end in a row: none, 250 ms, 500 ms, 1 s, 2 s.
milliseconds pause_after(unsigned ends) {
  return ends <= 1 ? milliseconds(0) : milliseconds(250u << (ends - 2));
}

}  // namespace

Result<Supervised> Supervised::start(Part part, fs::path log, Time now) {
  Supervised supervised(std::move(part), std::move(log));
  TRY(supervised.begin(now));
  return supervised;
}

Status Supervised::begin(Time now) {
  child_.reset();
  child_.emplace(TRY(Child::start(part_.name, part_.arguments, ".", log_)));
  state_ = State::kStarting;
  since_ = now;
  return {};
}

Status Supervised::became_ready() {
  if (part_.prepare) TRY(part_.prepare());
  state_ = State::kRunning;
  return {};
}

Result<std::optional<std::string>> Supervised::ended(const std::string& how, Time now) {
  if (now - since_ >= kLongLife) ends_ = 0;
  if (++ends_ >= kEndsMax) {
    return failure(ErrorCode::kUnavailable, "cli.up.ended",
                   part_.name + " " + how + ", for the " + std::to_string(ends_) +
                       "th time in a row; last lines of " + log_.string() + ":\n" + last_lines(log_, 8),
                   "correct what the log says, then start again with clemmys up; the state is kept");
  }
  const milliseconds pause = pause_after(ends_);
  state_ = State::kPausing;
  since_ = now + pause;
  return part_.name + " " + how + "; it is started again" +
         (pause.count() > 0 ? " in " + std::to_string(pause.count()) + " ms" : std::string()) +
         ". Its log is " + log_.string();
}

Result<std::optional<std::string>> Supervised::look(Time now) {
  if (state_ == State::kPausing) {
    if (now >= since_) TRY(begin(now));
    return std::nullopt;
  }
  if (const auto how = child_->ended()) return ended("ended by itself with " + *how, now);
  if (state_ == State::kRunning) return std::nullopt;
  if (part_.ready()) {
    TRY(became_ready());
    return part_.name + " runs again";
  }
  if (now - since_ < kReadyWithin) return std::nullopt;
  child_->end();
  return ended("was not ready within 30 s", now);
}

}  // namespace clemmys::cli
