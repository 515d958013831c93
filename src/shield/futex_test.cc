#include <gtest/gtest.h>
#include <linux/futex.h>

#include <atomic>
#include <thread>
#include <vector>

#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

// The smallest mutex over futexes: 0 free, 1 held, 2 held with waiters.
struct Mutex {
  std::atomic<uint32_t> word{0};
  void lock() {
    uint32_t expected = 0;
    if (word.compare_exchange_strong(expected, 1)) return;
    while (word.exchange(2) != 0) call_futex(address_of(&word), FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
  }
  void unlock() {
    if (word.exchange(0) == 2) call_futex(address_of(&word), FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
  }
};

int64_t real_clock(const HostCall& call) {
  timespec now;
  clock_gettime(static_cast<clockid_t>(call.arguments[0]), &now);
  host_write(call.arguments[1], now);
  return 0;
}

TEST(Futex, AMutexOverItExcludesAndLosesNoWake) {
  FakeHost host;
  Mutex mutex;
  long count = 0;
  std::vector<std::thread> threads;
  for (uint32_t i = 1; i <= 8; ++i) {
    threads.emplace_back([&, i] {
      join_process(i);
      for (int k = 0; k < 5000; ++k) {
        mutex.lock();
        ++count;
        if (k % 16 == 0) std::this_thread::yield();
        mutex.unlock();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 40000);
}

TEST(Futex, WaitComparesBeforeSleeping) {
  FakeHost host;
  uint32_t word = 5;
  EXPECT_EQ(call_futex(address_of(&word), FUTEX_WAIT_PRIVATE, 6, 0, 0, 0), -EAGAIN);
}

TEST(Futex, TimeoutLeavesTheQueue) {
  FakeHost host;
  host.answer(real_clock);
  uint32_t word = 0;
  const Timespec soon{0, 1'000'000};
  EXPECT_EQ(call_futex(address_of(&word), FUTEX_WAIT_PRIVATE, 0, address_of(&soon), 0, 0), -ETIMEDOUT);
  EXPECT_EQ(futex_wake(address_of(&word), 1, ~0u), 0u);
}

TEST(Futex, AHostThatWakesForNoReasonWakesNobody) {
  FakeHost host;
  std::atomic<uint32_t> word{0};
  std::atomic<bool> returned{false};
  std::thread waiter([&] {
    join_process(1);
    call_futex(address_of(&word), FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    returned = true;
  });
  for (int i = 0; i < 50; ++i) {
    call(OwnCall::kUnpark, 0, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(returned);
  while (futex_wake(address_of(&word), 1, ~0u) == 0) std::this_thread::yield();
  waiter.join();
}

TEST(Futex, RequeueMovesWaitersAndTheirWakeFollows) {
  FakeHost host;
  std::atomic<uint32_t> from{0}, to{0}, returned{0};
  std::vector<std::thread> waiters;
  for (uint32_t i = 1; i <= 4; ++i) {
    waiters.emplace_back([&, i] {
      join_process(i);
      call_futex(address_of(&from), FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
      ++returned;
    });
  }
  int64_t moved = 0;
  while (moved < 4) moved += call_futex(address_of(&from), FUTEX_REQUEUE_PRIVATE, 0, 4, address_of(&to), 0);
  EXPECT_EQ(futex_wake(address_of(&from), 4, ~0u), 0u);
  EXPECT_EQ(futex_wake(address_of(&to), 4, ~0u), 4u);
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(returned, 4u);
}

}  // namespace
}  // namespace clemmys::shield
