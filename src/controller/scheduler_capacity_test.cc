// Limits in number, bytes, memory and time.
#include "controller/testing/scheduler_fixture.h"

namespace clemmys::controller {
namespace {

TEST_F(SchedulerTest, TimeoutStopsTheInstance) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  clock.advance_ms(999);
  scheduler->tick();
  EXPECT_TRUE(invoker.stopped.empty());
  clock.advance_ms(1);
  scheduler->tick();
  EXPECT_EQ(invoker.stopped, invoker.started);
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kTimeout);
}

TEST_F(SchedulerTest, DeadlineEndsWaiting) {
  limits.start_timeout_ms = limits.waiting_ms_max = 1'000'000;
  make();
  run(1, request(1));
  clock.advance_ms(60'000);
  scheduler->tick();
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kTimeout);
}

TEST_F(SchedulerTest, StartThatHangsIsStopped) {
  limits.start_timeout_ms = 500;
  make();
  run(1, request(1));
  clock.advance_ms(500);
  scheduler->tick();
  EXPECT_EQ(invoker.stopped, invoker.started);
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kStartFailed);
}

TEST_F(SchedulerTest, WhoeverWaitsTooLongForAnInstanceGetsNoCapacity) {
  limits.instances_max = 1;
  limits.waiting_ms_max = 100;
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  run(2, request(2, 1, 2));
  clock.advance_ms(99);
  scheduler->tick();
  EXPECT_TRUE(answers.failures.empty());
  clock.advance_ms(1);
  scheduler->tick();
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kNoCapacity);
}

TEST_F(SchedulerTest, WhatCannotBeReachedInTimeIsRefusedAtOnce) {
  limits.instances_per_function_max = 1;
  limits.waiting_ms_max = 1'000;
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  clock.advance_ms(400);
  output(invoker.started[0], result_of(request(1)));
  std::uint8_t i = 2;
  while (answers.failures.empty() && i < 100) run(i, request(i)), ++i;
  EXPECT_EQ(i, 2 + 5);  // one at work, three waiting: 1.2 s of work
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kNoCapacity);
}

TEST_F(SchedulerTest, EpcIsBoundedByImagesAndHeaps) {
  limits.epc_mib_max = 300;
  invoker.image_bytes = (20u << 20) + 1;
  make();
  for (std::uint8_t i = 1; i <= 3; ++i) run(i, request(i, 1, i));
  EXPECT_EQ(invoker.started.size(), 2u);  // 2 × (128 + 21)
  limits.epc_mib_max = 140;
  make();
  run(4, request(4));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kNoCapacity);
}

TEST_F(SchedulerTest, QueueIsBounded) {
  limits.waiting_per_function_max = 2;
  limits.waiting_max = 3;
  make();
  for (std::uint8_t i = 1; i <= 3; ++i) run(i, request(i, 1, 1));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].first, 3u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kNoCapacity);
  run(4, request(4, 1, 2));
  run(5, request(5, 1, 3));
  EXPECT_EQ(answers.failures.size(), 2u);
}

TEST_F(SchedulerTest, QueueIsBoundedInBytes) {
  limits.waiting_bytes_max = 600;
  make();
  run(1, request(1));
  run(2, request(2));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].first, 2u);
}

TEST_F(SchedulerTest, MemoryIsBoundedAndIdleInstancesMakeRoom) {
  limits.memory_mib_max = 256;
  make();
  run(1, request(1, 1, 1));
  run(2, request(2, 1, 2));
  run(3, request(3, 1, 3));
  ASSERT_EQ(invoker.started.size(), 2u);
  ready(invoker.started[0]);
  output(invoker.started[0], result_of(request(1, 1, 1)));
  clock.advance_ms(10);
  scheduler->tick();
  ASSERT_EQ(invoker.started.size(), 3u);
  EXPECT_EQ(invoker.stopped, (std::vector<InstanceId>{invoker.started[0]}));
}

TEST_F(SchedulerTest, EnvelopeThatNeverFitsIsRefused) {
  limits.memory_mib_max = 64;
  make();
  run(1, request(1));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kNoCapacity);
}

TEST_F(SchedulerTest, ShortCallsDoNotMultiplyInstances) {
  make();
  run(1, request(1));
  clock.advance_ms(100);
  ready(invoker.started[0]);
  clock.advance_ms(1);
  output(invoker.started[0], result_of(request(1)));
  for (std::uint8_t i = 2; i < 16; ++i) run(i, request(i));
  clock.advance_ms(5);
  scheduler->tick();
  EXPECT_EQ(invoker.started.size(), 1u);
}

TEST_F(SchedulerTest, InstancesThatWerePrewarmedDoNotMakeStartsLookCheap) {
  make();
  for (std::uint8_t function = 1; function <= 20; ++function) {
    run(function, request(function, 1, function));
    ready(invoker.started.back(), true);
    clock.advance_ms(1);
    output(invoker.started.back(), result_of(request(function, 1, function)));
  }
  for (std::uint8_t i = 101; i < 116; ++i) run(i, request(i, 1, 20));
  clock.advance_ms(5);
  scheduler->tick();
  EXPECT_EQ(invoker.started.size(), 20u);
}

TEST_F(SchedulerTest, FirstCallsDoNotStandForThoseAfterThem) {
  make();
  run(1, request(1));
  clock.advance_ms(100);
  ready(invoker.started[0]);
  clock.advance_ms(50);  // its keys, its code
  output(invoker.started[0], result_of(request(1)));
  run(2, request(2));
  clock.advance_ms(1);
  output(invoker.started[0], result_of(request(2)));
  for (std::uint8_t i = 3; i < 18; ++i) run(i, request(i));
  clock.advance_ms(5);
  scheduler->tick();
  EXPECT_EQ(invoker.started.size(), 1u);
}

TEST_F(SchedulerTest, OneShortCallThatIsHeldUpDoesNotMultiplyInstances) {
  make();
  run(1, request(1));
  clock.advance_ms(100);
  ready(invoker.started[0]);
  for (std::uint8_t i = 1; i < 4; ++i) {
    clock.advance_ms(1);
    output(invoker.started[0], result_of(request(i)));
    run(i + 1u, request(static_cast<std::uint8_t>(i + 1)));
  }
  for (std::uint8_t i = 5; i < 20; ++i) run(i, request(i));
  clock.advance_ms(30);
  scheduler->tick();
  EXPECT_EQ(invoker.started.size(), 1u);
  clock.advance_ms(100);
  scheduler->tick();
  EXPECT_EQ(invoker.started.size(), 2u) << "a long call among short ones";
}

TEST_F(SchedulerTest, LongCallsGetFurtherInstancesUpToTheLimit) {
  limits.instances_per_function_max = 3;
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  for (std::uint8_t i = 2; i < 20; ++i) run(i, request(i));
  clock.advance_ms(400);
  for (int i = 0; i < 10; ++i) scheduler->tick();
  EXPECT_EQ(invoker.started.size(), 3u);
}

TEST_F(SchedulerTest, IdleInstanceEndsAfterKeepAlive) {
  limits.keep_alive_ms = 1'000;
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  output(invoker.started[0], result_of(request(1)));
  clock.advance_ms(1'000);
  scheduler->tick();
  EXPECT_EQ(invoker.stopped, invoker.started);
  EXPECT_EQ(scheduler->tick_due_ns(), ~std::uint64_t{0});
}

TEST_F(SchedulerTest, RetiredChainsInstancesEndUnlessItStillRuns) {
  make();
  for (std::uint8_t i = 1; i <= 2; ++i) {
    run(i, request(i, 1, i));
    ready(invoker.started[i - 1u]);
  }
  output(invoker.started[1], result_of(request(2, 1, 2)));
  scheduler->retire(numbered<ChainId>(1));
  EXPECT_TRUE(invoker.stopped.empty());
  output(invoker.started[0], result_of(request(1)));
  scheduler->retire(numbered<ChainId>(1));
  EXPECT_EQ(invoker.stopped, std::vector{invoker.started[0]});
}

TEST_F(SchedulerTest, GatewayThatLeavesTakesItsActivationsAlong) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  run(2, request(2));
  scheduler->client_gone(ClientId{1});
  output(invoker.started[0], result_of(request(1)));
  EXPECT_TRUE(answers.finished.empty());
  EXPECT_EQ(invoker.runs.size(), 1u);
  EXPECT_EQ(boost::json::parse(scheduler->status_json()).at("activations").as_int64(), 0);
}

TEST_F(SchedulerTest, StopAnswersEverything) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  run(2, request(2));
  scheduler->stop_all();
  ASSERT_EQ(answers.failures.size(), 2u);
  for (const auto& [number, error] : answers.failures) EXPECT_EQ(error.code, PlatformErrorCode::kShutdown);
  EXPECT_EQ(invoker.stopped, invoker.started);
}

TEST_F(SchedulerTest, StartsNothingAfterShutDown) {
  make();
  scheduler->shut_down();
  run(1, request(1));
  EXPECT_TRUE(invoker.started.empty());
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kShutdown);
}

TEST_F(SchedulerTest, CountersAddUp) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  output(invoker.started[0], result_of(request(1)));
  EXPECT_EQ(counters().at("accepted").to_number<int>(), 1);
  EXPECT_EQ(counters().at("done").to_number<int>(), 1);
}

}  // namespace
}  // namespace clemmys::controller
