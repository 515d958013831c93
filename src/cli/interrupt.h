// interrupt.h: SIGINT, SIGTERM and SIGHUP as something to wait for, so that a platform is always taken down
// in order.
#pragma once

#include <signal.h>

#include <chrono>

namespace clemmys::cli {

// Interrupt blocks the signals from construction on. One per process, made before any child.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  // wait gives true when the user wants us to end; false after `timeout`, or when a child changed. Once true,
  // always true.
  bool wait(std::chrono::milliseconds timeout);

 private:
  sigset_t signals_;
  bool asked_ = false;
};

}  // namespace clemmys::cli
