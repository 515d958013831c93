// Entering and leaving: EENTER, EEXIT, AEX, ERESUME.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include "enclave/conformance/conformance.h"

namespace clemmys::enclave::conformance {
namespace {

std::unique_ptr<Enclave> make() { return build(test_platform()); }

TEST(Entry, PassesRegistersThrough) {
  auto enclave = make();
  const Outcome outcome = call(*enclave, Command::kEcho, 40, 2, 0x88, 0x99);
  ASSERT_TRUE(outcome.status);
  EXPECT_EQ(outcome.run.exit, Exit::kExit);
  EXPECT_EQ(outcome.run.rdi, 42u);
  EXPECT_EQ(outcome.run.rsi, 40u);
  EXPECT_EQ(outcome.run.r8, 0x88u);
  EXPECT_EQ(outcome.run.r9, 0x99u);
}

TEST(Entry, SegmentBasesComeFromTheTcs) {
  auto enclave = make();
  const Outcome outcome = call(*enclave, Command::kSegments);
  EXPECT_EQ(outcome.run.rdi, enclave->base() + kData);
  EXPECT_EQ(outcome.run.rsi, enclave->base() + kData + sgx::kPageSize);
}

TEST(Entry, HostSurvivesADirectionFlagFromInside) {
  auto enclave = make();
  EXPECT_EQ(call(*enclave, Command::kFlags).run.rdi, 0x11u);
  std::uint64_t flags;
  asm volatile("pushfq\n pop %0" : "=r"(flags));
  EXPECT_EQ(flags & 0x400, 0u);
}

TEST(Entry, RefusesWhatIsNoTcs) {
  auto enclave = make();
  for (const std::uint64_t offset : {std::uint64_t{0}, kData, kDynamic, tcs_offset(0) + 8, kSize}) {
    enclave::Run run{.tcs = enclave->base() + offset};
    EXPECT_FALSE(enclave->enter(run)) << offset;
  }
}

TEST(Entry, RefusesAnEnclaveBeforeEinit) {
  auto enclave = test_platform().create(secs({})).value();
  for (const Page& page : pages({}))
    ASSERT_TRUE(enclave->add_pages(page.offset, page.content, page.flags, page.measure));
  enclave::Run run{.tcs = enclave->base() + tcs_offset(0)};
  EXPECT_FALSE(enclave->enter(run));
}

struct Expected {
  Command command;
  sgx::Vector vector;
  std::uint64_t length;  // bytes of the instruction to skip
  std::uint64_t result;
};

TEST(Aex, ReportsTheExceptionAndResumesAfterTheHandler) {
  auto enclave = make();
  for (const Expected& expected :
       {Expected{Command::kInvalid, sgx::Vector::kInvalidOpcode, 2, 0x77},
        Expected{Command::kDivide, sgx::Vector::kDivide, 2, static_cast<std::uint64_t>(Command::kDivide)},
        Expected{Command::kSystemCall, sgx::Vector::kInvalidOpcode, 2, 0x55}}) {
    const Outcome outcome = call(*enclave, expected.command);
    ASSERT_TRUE(outcome.status);
    ASSERT_EQ(outcome.run.exit, Exit::kFault);
    EXPECT_EQ(outcome.run.exception_vector, static_cast<std::uint16_t>(expected.vector));
    const Handled handled = handle(*enclave, expected.length);
    EXPECT_EQ(handled.exitinfo,
              sgx::kExitInfoValid | sgx::kExitInfoHardware | static_cast<std::uint32_t>(expected.vector));
    EXPECT_LT(handled.rip, sgx::kPageSize);
    const Outcome resumed = resume(*enclave);
    ASSERT_EQ(resumed.run.exit, Exit::kExit);
    EXPECT_EQ(resumed.run.rdi, expected.result);
  }
}

volatile sig_atomic_t breakpoints = 0;

TEST(Aex, BreakpointIsASoftwareExceptionAfterTheInstruction) {
  auto enclave = make();
  if (test_platform().name() == "linux") {  // the kernel gives #BP to SIGTRAP, and returning from it resumes
    struct sigaction action{}, before{};
    action.sa_handler = [](int) { breakpoints = breakpoints + 1; };
    ::sigaction(SIGTRAP, &action, &before);
    const Outcome outcome = call(*enclave, Command::kBreakpoint);
    ::sigaction(SIGTRAP, &before, nullptr);
    EXPECT_EQ(outcome.run.exit, Exit::kExit);
    EXPECT_EQ(outcome.run.rdi, 0x33u);
    EXPECT_EQ(breakpoints, 1);
    return;
  }
  ASSERT_EQ(call(*enclave, Command::kBreakpoint).run.exit, Exit::kFault);
  EXPECT_EQ(handle(*enclave, 0).exitinfo, sgx::kExitInfoValid | sgx::kExitInfoSoftware | 3u);
  EXPECT_EQ(resume(*enclave).run.rdi, 0x33u);
}

TEST(Aex, ResumeRestoresEveryRegister) {
  auto enclave = make();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(call(*enclave, Command::kRegisters, enclave->base() + kData).run.exit, Exit::kFault);
    handle(*enclave, 2);
    const Outcome resumed = resume(*enclave);
    ASSERT_EQ(resumed.run.exit, Exit::kExit) << resumed.run.exception_vector;
    EXPECT_EQ(resumed.run.rdi, 0u);
  }
}

TEST(Aex, PageFaultTellsTheAddressInsideAndThePageOutside) {
  auto enclave = make();
  const std::uint64_t address = enclave->base() + kReadOnly + 0x123;
  const Outcome outcome = call(*enclave, Command::kWrite, address, 1);
  ASSERT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 14);
  EXPECT_EQ(outcome.run.exception_address, enclave->base() + kReadOnly);
  EXPECT_TRUE(outcome.run.exception_error_code & sgx::kPfWrite);
  const Handled handled = handle(*enclave, 3);
  EXPECT_EQ(sgx::exitinfo_vector(handled.exitinfo), 14);
  EXPECT_EQ(handled.maddr, address);
  EXPECT_TRUE(handled.errcd & sgx::kPfWrite);
  EXPECT_EQ(resume(*enclave).run.exit, Exit::kExit);
}

TEST(Aex, GeneralProtectionHasNoAddress) {
  auto enclave = make();
  const Outcome outcome = call(*enclave, Command::kAligned);
  ASSERT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 13);
  const Handled handled = handle(*enclave, 7);
  EXPECT_EQ(sgx::exitinfo_vector(handled.exitinfo), 13);
  EXPECT_EQ(handled.maddr, 0u);
  EXPECT_EQ(resume(*enclave).run.exit, Exit::kExit);
}

TEST(Aex, KeepsTheAlignmentCheckFlagInside) {
  auto enclave = make();
  ASSERT_EQ(call(*enclave, Command::kAlignmentCheck).run.exit, Exit::kFault);
  std::uint64_t flags;
  asm volatile("pushfq\n pop %0" : "=r"(flags));
  EXPECT_FALSE(flags & 0x40000);
  // The handler entered with AC clear; the interrupted code has it again.
  handle(*enclave, 2);
  const Outcome resumed = resume(*enclave);
  ASSERT_EQ(resumed.run.exit, Exit::kExit);
  EXPECT_TRUE(resumed.run.rdi & 0x40000);
}

TEST(Aex, FaultOnHostMemoryIsReportedToo) {
  auto enclave = make();
  const Outcome outcome = call(*enclave, Command::kRead, 0x10);
  ASSERT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 14);
  handle(*enclave, 3);
  EXPECT_EQ(resume(*enclave).run.exit, Exit::kExit);
}

TEST(Aex, WithoutAFreeFrameNoEntry) {
  auto enclave = make();
  ASSERT_EQ(call(*enclave, Command::kInvalid).run.exit, Exit::kFault);
  enclave::Run resume_too_early{.tcs = enclave->base() + tcs_offset(1), .leaf = sgx::EnterLeaf::kEresume};
  // Thread 1 has nothing to resume. The vDSO cannot tell #GP of ERESUME from #GP inside.
  const bool entered = enclave->enter(resume_too_early).has_value();
  EXPECT_TRUE(!entered || (resume_too_early.exit == Exit::kFault && resume_too_early.exception_vector == 13));
  // Repeating the fault by ERESUME keeps CSSA at 1; the second frame stays free for the handler.
  EXPECT_EQ(resume(*enclave).run.exit, Exit::kFault);
  handle(*enclave, 2);
  EXPECT_EQ(resume(*enclave).run.rdi, 0x77u);
}

TEST(Aex, EnterLeavesFromInsideAreGeneralProtection) {
  auto enclave = make();
  const Outcome outcome = leaf(*enclave, sgx::UserLeaf::kEenter, 0, 0);
  ASSERT_EQ(outcome.run.exit, Exit::kFault);
  EXPECT_EQ(outcome.run.exception_vector, 13);
}

TEST(Entry, OneThreadPerTcs) {
  auto enclave = make();
  volatile std::uint32_t stop = 0;
  std::thread inside([&] {
    Outcome first;
    do first = call(*enclave, Command::kSpin, reinterpret_cast<std::uint64_t>(&stop));
    while (!first.status);  // the main thread may be in
    EXPECT_EQ(first.run.rdi, 0x99u);
  });
  Outcome second;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    second = call(*enclave, Command::kEcho, 1, 1);  // refused once the thread is in
  } while (second.status);
  EXPECT_EQ(second.status.error().code, ErrorCode::kConflict);
  stop = 1;
  inside.join();
}

TEST(Entry, ThreadsRunInParallel) {
  auto enclave = make();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::uint64_t t = 0; t < kThreadCount; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 2000; ++i) {
        if (call(*enclave, Command::kEcho, i, t, 0, 0, t).run.rdi != i + t) ++wrong;
        if (i % 50 == 0) {
          if (call(*enclave, Command::kRegisters,
                   enclave->base() + kData + (t / 2) * 0x1000 + (t % 2) * 0x800, 0, 0, 0, t)
                  .run.exit != Exit::kFault)
            ++wrong;
          handle(*enclave, 2, t);
          if (resume(*enclave, t).run.rdi != 0) ++wrong;
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

std::atomic<int> alarms{0};
thread_local int host_value = 7;

TEST(Entry, HostSignalsArriveInsideAndSeeTheHostsThread) {
  struct sigaction action{};
  action.sa_handler = [](int) {
    if (host_value == 7) ++alarms;
  };
  ::sigaction(SIGALRM, &action, nullptr);
  auto enclave = make();
  const itimerval every{{0, 100}, {0, 100}}, never{};
  volatile std::uint32_t stop = 0;
  std::thread stopper([&] {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (alarms < 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop = 1;
  });
  ::setitimer(ITIMER_REAL, &every, nullptr);
  EXPECT_EQ(call(*enclave, Command::kSpin, reinterpret_cast<std::uint64_t>(&stop)).run.rdi, 0x99u);
  for (std::uint64_t i = 0; i < 30000; ++i) {  // signals at every instruction of entry, exit, AEX and ERESUME
    ASSERT_EQ(call(*enclave, Command::kEcho, i, 1).run.rdi, i + 1);
    if (i % 4 != 0) continue;
    ASSERT_EQ(call(*enclave, Command::kRegisters, enclave->base() + kData).run.exit, Exit::kFault);
    handle(*enclave, 2);
    ASSERT_EQ(resume(*enclave).run.rdi, 0u);
  }
  ::setitimer(ITIMER_REAL, &never, nullptr);
  stopper.join();
  EXPECT_GE(alarms, 20);
}

TEST(Entry, HundredThousandRoundTrips) {
  auto enclave = make();
  (void)call(*enclave, Command::kEcho, 0, 0);
  // Processor time: other programs on the machine do not count.
  const auto processor_us = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  };
  const double start = processor_us();
  constexpr std::uint64_t kTrips = 100000;
  for (std::uint64_t i = 0; i < kTrips; ++i) ASSERT_EQ(call(*enclave, Command::kEcho, i, 1).run.rdi, i + 1);
  std::printf("round trip EENTER + EEXIT: %.2f us\n", (processor_us() - start) / kTrips);
}

}  // namespace
}  // namespace clemmys::enclave::conformance
