#include "cli/interrupt.h"

namespace clemmys::cli {

Interrupt::Interrupt() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals_, signal);
  struct sigaction hangup{};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler == SIG_IGN)
    sigdelset(&signals_, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &signals_, &before_);
}

Interrupt::~Interrupt() {
  constexpr timespec kNow{};
  while (::sigtimedwait(&signals_, nullptr, &kNow) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupt::wait(std::chrono::milliseconds timeout) {
  if (asked_) return true;
  const timespec limit{.tv_sec = timeout.count() / 1000, .tv_nsec = (timeout.count() % 1000) * 1'000'000};
  const int signal = ::sigtimedwait(&signals_, nullptr, &limit);
  asked_ = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
  return asked_;
}

}  // namespace clemmys::cli
