#include "cli/interrupt.h"

namespace clemmys::cli {

Interrupt::Interrupt() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals_, signal);
  ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
}

bool Interrupt::wait(std::chrono::milliseconds timeout) {
  if (asked_) return true;
  const timespec limit{.tv_sec = timeout.count() / 1000, .tv_nsec = (timeout.count() % 1000) * 1'000'000};
  const int signal = ::sigtimedwait(&signals_, nullptr, &limit);
  asked_ = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
  return asked_;
}

}  // namespace clemmys::cli
