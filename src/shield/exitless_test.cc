// Exitless calls with a worker that lies: the same table of lies as for calls that leave, through the shared
// word; and what a host can do to the word itself.

#include <gtest/gtest.h>

#include "shield/forwarded.h"
#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

constexpr std::uint64_t kFile = 3;

TEST(Exitless, AnAnswerInTimeSparesTheExit) {
  FakeHost host;
  char buffer[8] = {};
  host.worker(FakeHost::Worker::kServes);
  host.answer([](const HostCall& call) {
    std::memset(reinterpret_cast<void*>(call.arguments[1]), 'x', 8);
    return 3;
  });
  EXPECT_EQ(run(__NR_read, kFile, address_of(buffer), sizeof buffer), 3);
  EXPECT_STREQ(buffer, "xxx");
  EXPECT_EQ(host.calls(), 0u) << "it left";
}

TEST(Exitless, AWorkerThatSleepsIsNotWaitedForLong) {
  FakeHost host;
  host.answer([](const HostCall&) { return 0; });
  for (const auto worker :
       {FakeHost::Worker::kNone, FakeHost::Worker::kSleeps, FakeHost::Worker::kWritesNoise}) {
    host.worker(worker);
    const std::uint64_t before = host.calls();
    EXPECT_EQ(run(__NR_read, kFile, 4096, 0), 0);
    EXPECT_EQ(host.calls(), before + 1);
  }
}

TEST(Exitless, DoneWithoutAnAnswerIsAnError) {
  FakeHost host;
  host.worker(FakeHost::Worker::kSaysDoneOnly);
  EXPECT_EQ(run(__NR_read, kFile, 4096, 0), -ENOSYS);
}

TEST(Exitless, ImpossibleAnswersStop) {
  FakeHost host;
  host.worker(FakeHost::Worker::kServes);
  for (const std::int64_t answer : {std::int64_t{9}, std::int64_t{-4096}, INT64_MIN, INT64_MAX}) {
    host.answer([answer](const HostCall&) { return answer; });
    char buffer[8];
    try {
      run(__NR_read, kFile, address_of(buffer), sizeof buffer);
      ADD_FAILURE() << answer;
    } catch (const Stopped& stopped) {
      EXPECT_STREQ(stopped.what(), "host.answer");
    }
    EXPECT_EQ(host.calls(), 0u);
  }
}

TEST(Exitless, CallsThatMaySleepLeave) {
  FakeHost host;
  host.worker(FakeHost::Worker::kServes);
  host.answer([](const HostCall&) { return 0; });
  std::uint64_t exits = 0;
  for (const Forwarded& call : kForwarded) {
    if (never_sleeps(call.number, 0)) continue;
    raw_call(call.number);
    EXPECT_EQ(host.calls(), ++exits) << call.name;
  }
  EXPECT_FALSE(never_sleeps(__NR_epoll_wait, 1));
  EXPECT_TRUE(never_sleeps(__NR_epoll_wait, 0));
  raw_call(static_cast<std::uint64_t>(OwnCall::kCpuid));
  EXPECT_EQ(host.calls(), ++exits) << "own calls leave";
}

}  // namespace
}  // namespace clemmys::shield
