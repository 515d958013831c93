// interrupt.h: SIGINT, SIGTERM and SIGHUP (unless nohup had it ignored) as something to wait for, so that a
// platform is always taken down in order, and files of one command do not outlive it.
#pragma once

#include <signal.h>

#include <chrono>

namespace clemmys::cli {

// Interrupt blocks the signals while it lives; what came of them in that time is its own. One at a time, made
// before any child that it waits for.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  // wait gives true when the user wants us to end; false after `timeout`, or when a child changed. Once true,
  // always true.
  bool wait(std::chrono::milliseconds timeout);

 private:
  sigset_t signals_, before_;
  bool asked_ = false;
};

}  // namespace clemmys::cli
