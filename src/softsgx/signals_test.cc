#include "softsgx/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace clemmys::softsgx {
namespace {

void fault() { *reinterpret_cast<volatile int*>(8) = 1; }

void leave_with_42(int) { ::_exit(42); }

TEST(Signals, FaultOutsideReachesTheHandlerThatWasThere) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, leave_with_42);
        if (!install_signal_handlers()) std::abort();
        fault();
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(Signals, FaultOutsideStillKillsByDefault) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, SIG_DFL);
        if (!install_signal_handlers()) std::abort();
        std::thread(fault).join();
      },
      ::testing::KilledBySignal(SIGSEGV), "");
}

TEST(Signals, HandlerInstalledLaterIsWrappedOnRequest) {
  EXPECT_EXIT(
      {
        if (!install_signal_handlers()) std::abort();
        ::signal(SIGUSR1, leave_with_42);
        wrap_host_handlers();
        ::raise(SIGUSR1);
      },
      ::testing::ExitedWithCode(42), "");
}

TEST(Signals, BreakpointAndSystemCallTrapsOutsideAreNotEaten) {
  EXPECT_EXIT(
      {
        ::signal(SIGTRAP, SIG_DFL);
        if (!install_signal_handlers()) std::abort();
        __builtin_debugtrap();
      },
      ::testing::KilledBySignal(SIGTRAP), "");
}

}  // namespace
}  // namespace clemmys::softsgx
