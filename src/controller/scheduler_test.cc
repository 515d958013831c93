// The way of an envelope, and what instances may not do to it.
#include "controller/testing/scheduler_fixture.h"

namespace clemmys::controller {
namespace {

TEST_F(SchedulerTest, WarmInstanceIsReused) {
  make();
  run(1, request(1));
  ASSERT_EQ(invoker.started.size(), 1u);
  EXPECT_TRUE(invoker.runs.empty());
  ready(invoker.started[0]);
  ASSERT_EQ(invoker.runs.size(), 1u);
  output(invoker.started[0], result_of(request(1)));
  run(2, request(2));
  ASSERT_EQ(invoker.runs.size(), 2u);
  EXPECT_EQ(invoker.runs[1].instance, invoker.started[0]);
  EXPECT_EQ(invoker.started.size(), 1u);
  output(invoker.started[0], result_of(request(2)));
  EXPECT_EQ(answers.finished, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(SchedulerTest, InstanceOfOneChainNeverServesAnother) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  output(invoker.started[0], result_of(request(1)));
  Header other = request(2);
  other.chain = numbered<ChainId>(9);
  run(2, other);
  EXPECT_EQ(invoker.started.size(), 2u);
}

TEST_F(SchedulerTest, ChainGoesFromStepToStep) {
  make();
  const Header first = request(1, 2);
  run(7, first);
  ready(invoker.started[0]);
  Header second = next_of(first);
  second.receiver = numbered<FunctionId>(2);
  second.image = numbered<Measurement>(2);
  output(invoker.started[0], second);
  ASSERT_EQ(invoker.started.size(), 2u);
  ready(invoker.started[1]);
  ASSERT_EQ(invoker.runs.size(), 2u);
  EXPECT_EQ(invoker.runs[1].instance, invoker.started[1]);
  output(invoker.started[1], result_of(first));
  EXPECT_EQ(answers.finished, (std::vector<std::uint64_t>{7}));
}

TEST_F(SchedulerTest, EnvelopesOfOneFunctionAreServedInOrder) {
  limits.instances_per_function_max = 1;
  make();
  for (std::uint8_t i = 1; i <= 3; ++i) run(i, request(i));
  ready(invoker.started[0]);
  for (std::uint8_t i = 1; i <= 3; ++i) output(invoker.started[0], result_of(request(i)));
  EXPECT_EQ(answers.finished, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(SchedulerTest, DeadInstanceIsAPlatformErrorAndNothingIsRetried) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  scheduler->instance_ended(invoker.started[0], InstanceEnd::kFromOutside, "its process was killed");
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kInstanceDied);
  EXPECT_EQ(invoker.runs.size(), 1u);
  EXPECT_EQ(invoker.started.size(), 1u);
}

TEST_F(SchedulerTest, StartThatFailsFailsWhatWaitsForIt) {
  make();
  run(1, request(1));
  run(2, request(2));
  scheduler->instance_ended(invoker.started[0], InstanceEnd::kItself, "its process exited with code 1");
  ASSERT_EQ(answers.failures.size(), 2u);
  EXPECT_EQ(answers.failures[1].second.code, PlatformErrorCode::kStartFailed);
  run(3, request(3));
  EXPECT_EQ(invoker.started.size(), 2u);
}

TEST_F(SchedulerTest, WhoEndedTheInstanceIsTold) {
  const std::pair<InstanceEnd, PlatformErrorCode> kTable[] = {
      {InstanceEnd::kItself, PlatformErrorCode::kFunctionDied},
      {InstanceEnd::kBrokeProtocol, PlatformErrorCode::kFunctionDied},
      {InstanceEnd::kOverMemory, PlatformErrorCode::kOverMemory},
      {InstanceEnd::kFromOutside, PlatformErrorCode::kInstanceDied}};
  for (const auto& [how, code] : kTable) {
    invoker = {};
    answers = {};
    make();
    run(1, request(1));
    ready(invoker.started[0]);
    scheduler->instance_ended(invoker.started[0], how, "test");
    ASSERT_EQ(answers.failures.size(), 1u);
    EXPECT_EQ(answers.failures[0].second.code, code);
  }
}

TEST_F(SchedulerTest, InstanceThatRetiresGetsNoFurtherEnvelope) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  run(2, request(2));
  scheduler->instance_retires(invoker.started[0]);
  output(invoker.started[0], result_of(request(1)));
  EXPECT_EQ(answers.finished, (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(invoker.runs.size(), 1u);
  EXPECT_EQ(invoker.stopped, (std::vector<InstanceId>{invoker.started[0]}));
  ASSERT_EQ(invoker.started.size(), 2u);
  ready(invoker.started[1]);
  EXPECT_EQ(invoker.runs.size(), 2u);
}

TEST_F(SchedulerTest, MissingImageIsABadImage) {
  invoker.has_image = false;
  make();
  run(1, request(1));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kBadImage);
}

TEST_F(SchedulerTest, OutputForForeignActivationIsRefused) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  run(2, request(2, 1, 2));  // another function's activation, in flight too
  output(invoker.started[0], result_of(request(2, 1, 2)));
  EXPECT_EQ(invoker.stopped, (std::vector<InstanceId>{invoker.started[0]}));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].first, 1u);
  EXPECT_TRUE(answers.finished.empty());
}

TEST_F(SchedulerTest, OutputThatDoesNotLeadOnwardsIsRefused) {
  const Header first = request(1, 3);
  Header skipped = next_of(next_of(first)), same = first, other_chain = next_of(first),
         early = result_of(first), event = own_of(first, Kind::kEvent);
  other_chain.chain = numbered<ChainId>(77);
  for (const Header& bad : {skipped, same, other_chain, early, event}) {
    invoker = {};
    answers = {};
    make();
    run(1, first);
    ready(invoker.started[0]);
    output(invoker.started[0], bad);
    EXPECT_EQ(invoker.stopped, invoker.started);
    EXPECT_EQ(answers.failures.size(), 1u);
    EXPECT_EQ(invoker.runs.size(), 1u);
  }
}

TEST_F(SchedulerTest, EarlyEndIsAnAnswer) {
  make();
  run(1, request(1, 3));
  ready(invoker.started[0]);
  output(invoker.started[0], own_of(request(1, 3), Kind::kEnd));
  EXPECT_EQ(answers.finished.size(), 1u);
}

TEST_F(SchedulerTest, OutputWithoutAnEnvelopeStopsTheInstance) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  output(invoker.started[0], result_of(request(1)));
  output(invoker.started[0], result_of(request(1)));
  EXPECT_EQ(invoker.stopped, invoker.started);
  EXPECT_EQ(answers.finished.size(), 1u);
}

TEST_F(SchedulerTest, OneEventPerEnvelopeReachesTheGateway) {
  make();
  const Header event = own_of(request(1), Kind::kEvent);
  run(1, request(1));
  ready(invoker.started[0]);
  scheduler->instance_event(invoker.started[0], envelope(event));
  EXPECT_EQ(answers.events.size(), 1u);
  scheduler->instance_event(invoker.started[0], envelope(event));
  EXPECT_EQ(answers.events.size(), 1u);
  EXPECT_EQ(invoker.stopped, invoker.started);
}

TEST_F(SchedulerTest, ForeignEventIsRefused) {
  make();
  const Header event = own_of(request(2), Kind::kEvent);
  run(1, request(1));
  ready(invoker.started[0]);
  scheduler->instance_event(invoker.started[0], envelope(event));
  EXPECT_TRUE(answers.events.empty());
  EXPECT_EQ(invoker.stopped, invoker.started);
}

TEST_F(SchedulerTest, RefusedEnvelopeIsAPlatformErrorAndAProvenInstanceStays) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  output(invoker.started[0], result_of(request(1)));
  run(2, request(2));
  scheduler->instance_refused(invoker.started[0], ErrorCode::kCorrupt, "runtime.open");
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kRefused);
  run(3, request(3));
  EXPECT_EQ(invoker.runs.size(), 3u);
  EXPECT_TRUE(invoker.stopped.empty());
}

TEST_F(SchedulerTest, InstanceThatOnlyRefusesIsReplaced) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  scheduler->instance_refused(invoker.started[0], ErrorCode::kDenied, "kms.release");
  EXPECT_EQ(invoker.stopped, invoker.started);
  run(2, request(2));
  EXPECT_EQ(invoker.started.size(), 2u);
  ready(invoker.started[1]);
  output(invoker.started[1], result_of(request(2)));
  for (std::uint8_t i = 3; i < 6; ++i) {
    run(i, request(i));
    scheduler->instance_refused(invoker.started[1], ErrorCode::kCorrupt, "runtime.open");
  }
  EXPECT_EQ(invoker.stopped, invoker.started);
  EXPECT_EQ(answers.failures.size(), 4u);
}

TEST_F(SchedulerTest, SameActivationTwiceIsRefused) {
  make();
  run(1, request(1));
  run(2, request(1));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].first, 2u);
}

TEST_F(SchedulerTest, MalformedAndMisplacedEnvelopesAreRefused) {
  make();
  scheduler->run({ClientId{1}, 1, {}}, Packet::copy_of(as_bytes("short")));
  Header late = request(1), result = result_of(request(2)), middle = request(3, 3);
  late.deadline_unix_ms = kNow;
  middle.step = 1;
  run(2, late);
  run(3, result);
  run(4, middle);
  EXPECT_EQ(answers.failures.size(), 4u);
  EXPECT_TRUE(invoker.started.empty());
}

}  // namespace
}  // namespace clemmys::controller
