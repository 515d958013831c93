#include "controller/scheduler.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <vector>

namespace clemmys::controller {
namespace {

using wire::Header;
using wire::Kind;
using wire::PlatformErrorCode;

constexpr std::uint64_t kNow = 1'800'000'000'000;

// FakeInvoker records what the scheduler asks for; the test plays the instances.
struct FakeInvoker final : Invoker {
  struct Run {
    InstanceId instance;
    Header header;
  };
  std::vector<InstanceId> started;
  std::vector<Run> runs;
  std::vector<InstanceId> stopped;
  bool has_image = true;

  Status start(InstanceId instance, const InstanceSpec&) override {
    if (!has_image) return Error{ErrorCode::kNotFound, "test.image"};
    started.push_back(instance);
    return {};
  }
  void run(InstanceId instance, Packet envelope) override { runs.push_back({instance, *wire::decode_header(envelope.view())}); }
  void stop(InstanceId instance) override { stopped.push_back(instance); }
};

struct FakeAnswers final : Answers {
  std::vector<std::uint64_t> events, finished;
  std::vector<std::pair<std::uint64_t, wire::PlatformError>> failures;
  void event(Request request, Packet) override { events.push_back(request.number); }
  void done(Request request, Packet) override { finished.push_back(request.number); }
  void failed(Request request, const wire::PlatformError& error) override { failures.emplace_back(request.number, error); }
};

template <typename Fixed>
Fixed numbered(std::uint8_t number) {
  Fixed value;
  value.bytes[0] = number;
  return value;
}

class SchedulerTest : public testing::Test {
 protected:
  SchedulerLimits limits;
  FakeClock clock{kNow};
  FakeInvoker invoker;
  FakeAnswers answers;
  std::optional<Scheduler> scheduler;

  Scheduler& make() { return scheduler.emplace(limits, clock, invoker, answers); }

  static Header request(std::uint8_t activation, std::uint16_t steps = 1, std::uint8_t function = 1) {
    Header header;
    header.steps = steps;
    header.activation = numbered<ActivationId>(activation);
    header.chain = numbered<ChainId>(function);
    header.receiver = numbered<FunctionId>(function);
    header.image = numbered<Measurement>(function);
    header.memory_mib = 128;
    header.timeout_ms = 1'000;
    header.deadline_unix_ms = kNow + 60'000;
    header.payload_size = 256;
    return header;
  }
  static Header result_of(Header header) {
    header.kind = Kind::kResult;
    header.step = header.steps;
    header.receiver = {};
    header.image = {};
    return header;
  }
  // own_of is an event or an early end of the step that `header` addresses.
  static Header own_of(Header header, Kind kind) {
    header.kind = kind;
    header.receiver = {};
    header.image = {};
    return header;
  }
  static Header next_of(Header header) {
    ++header.step;
    return header;
  }
  static Packet envelope(const Header& header) {
    Bytes bytes;
    wire::encode_header(header, bytes);
    bytes.resize(bytes.size() + header.payload_size + 16);
    return Packet::copy_of(bytes);
  }
  void run(std::uint64_t number, const Header& header) { scheduler->run({ClientId{1}, number}, envelope(header)); }
  void ready(InstanceId instance) { scheduler->instance_ready(instance, {}); }
  void output(InstanceId instance, const Header& header) { scheduler->instance_output(instance, envelope(header)); }
  boost::json::object counters() { return boost::json::parse(scheduler->status_json()).at("counters").as_object(); }
};

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
  scheduler->instance_ended(invoker.started[0], "its process exited with code 3");
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kInstanceDied);
  EXPECT_EQ(invoker.runs.size(), 1u);
  EXPECT_EQ(invoker.started.size(), 1u);
}

TEST_F(SchedulerTest, StartThatFailsFailsWhatWaitsForIt) {
  make();
  run(1, request(1));
  run(2, request(2));
  scheduler->instance_ended(invoker.started[0], "its process exited with code 1");
  EXPECT_EQ(answers.failures.size(), 2u);
  run(3, request(3));
  EXPECT_EQ(invoker.started.size(), 2u);
}

TEST_F(SchedulerTest, MissingImageIsABadImage) {
  invoker.has_image = false;
  make();
  run(1, request(1));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kBadImage);
}

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
  limits.start_timeout_ms = 1'000'000;
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
  EXPECT_EQ(answers.failures.size(), 1u);
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
  Header skipped = next_of(next_of(first)), same = first, other_chain = next_of(first), early = result_of(first), event = own_of(first, Kind::kEvent);
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

TEST_F(SchedulerTest, RefusedEnvelopeIsAPlatformErrorAndTheInstanceStays) {
  make();
  run(1, request(1));
  ready(invoker.started[0]);
  scheduler->instance_refused(invoker.started[0], ErrorCode::kCorrupt, "runtime.open");
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].second.code, PlatformErrorCode::kRefused);
  run(2, request(2));
  EXPECT_EQ(invoker.runs.size(), 2u);
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

TEST_F(SchedulerTest, SameActivationTwiceIsRefused) {
  make();
  run(1, request(1));
  run(2, request(1));
  ASSERT_EQ(answers.failures.size(), 1u);
  EXPECT_EQ(answers.failures[0].first, 2u);
}

TEST_F(SchedulerTest, MalformedAndMisplacedEnvelopesAreRefused) {
  make();
  scheduler->run({ClientId{1}, 1}, Packet::copy_of(as_bytes("short")));
  Header late = request(1), result = result_of(request(2)), middle = request(3, 3);
  late.deadline_unix_ms = kNow;
  middle.step = 1;
  run(2, late);
  run(3, result);
  run(4, middle);
  EXPECT_EQ(answers.failures.size(), 4u);
  EXPECT_TRUE(invoker.started.empty());
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
