// POST on an action: every outcome in OpenWhisk's status and shape.
#include <algorithm>

#include "gateway/lasting_runs.h"
#include "gateway/testing/api_fixture.h"

namespace clemmys::gateway {
namespace {

using namespace testing;
namespace json = boost::json;
using Invoking = ApiTest;

TEST_F(Invoking, BlockingGivesTheRecordWithoutLogs) {
  world.add_action("hello");
  world.serve("hello");
  const HttpResponse response =
      world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true", R"({"a":1})");
  EXPECT_EQ(response.status, 200);
  const json::value record = json::parse(response.body);
  EXPECT_EQ(response.activation, record.at("activationId").as_string());
  EXPECT_EQ(json::serialize(record.at("response")),
            R"({"result":{"step":0,"input":{"a":1}},"size":26,"status":"success","success":true})");
  EXPECT_EQ(record.at("logs").as_array().size(), 0u);
  EXPECT_EQ(annotation(record, "path"), R"("guest/hello")");
  EXPECT_EQ(annotation(record, "kind"), R"("native:1")");
  EXPECT_EQ(annotation(record, "timeout"), "false");
  EXPECT_EQ(annotation(record, "limits"), R"({"concurrency":1,"logs":10,"memory":256,"timeout":60000})");
  EXPECT_NE(annotation(record, "waitTime"), "");
  EXPECT_EQ(annotation(record, "initTime"), "");  // warm
  EXPECT_EQ(record.at("subject").as_string(), "guest-user");
}

TEST_F(Invoking, ColdStartsAreAnnotated) {
  world.add_action("hello");
  world.serve("hello", [](std::size_t step, const wire::Payload& input) {
    FakeReply reply = echo(step, input);
    reply.init_ms = 7;
    return reply;
  });
  EXPECT_EQ(annotation(sent(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"), "initTime"),
            "7");
}

TEST_F(Invoking, ResultAloneIsTheFunctionsBytes) {
  world.add_action("hello");
  world.serve("hello", replies(wire::Outcome::kSuccess, "{ \"spaces\" :  1 }"));
  EXPECT_EQ(world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true").body,
            "{ \"spaces\" :  1 }");
}

TEST_F(Invoking, ArraysAreAnsweredBare) {
  world.add_action("hello");
  world.serve("hello", replies(wire::Outcome::kSuccess, "[1,2]"));
  EXPECT_EQ(world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true").body, "[1,2]");
}

TEST_F(Invoking, ErrorsOfTheFunctionAre502WithoutCode) {
  world.add_action("hello");
  for (const auto& [outcome, text] : {std::pair{wire::Outcome::kHandlerError, "application error"},
                                      {wire::Outcome::kRuntimeFault, "action developer error"},
                                      {wire::Outcome::kTimeExceeded, "action developer error"}}) {
    world.serve("hello", replies(outcome, R"({"error":"no"})"));
    const HttpResponse record = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true");
    EXPECT_EQ(record.status, 502);
    EXPECT_EQ(json::parse(record.body).at("response").at("status").as_string(), text);
    EXPECT_EQ(annotation(json::parse(record.body), "timeout"),
              outcome == wire::Outcome::kTimeExceeded ? "true" : "false");
    EXPECT_FALSE(json::parse(record.body).as_object().contains("code"));
    const HttpResponse result =
        world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true");
    EXPECT_EQ(result.status, 502);
    EXPECT_EQ(result.body, R"({"error":"no"})");
  }
}

TEST_F(Invoking, PlatformErrorsAreMarkedAndCarryNoResult) {
  world.add_action("hello");
  const struct {
    wire::PlatformErrorCode code;
    int status;
    std::string_view word;
  } kTable[] = {{wire::PlatformErrorCode::kInstanceDied, 500, "instance_died"},
                {wire::PlatformErrorCode::kRefused, 500, "refused"},
                {wire::PlatformErrorCode::kTimeout, 502, "timeout"},
                {wire::PlatformErrorCode::kBadImage, 502, "bad_image"},
                {wire::PlatformErrorCode::kFunctionDied, 502, "function_died"},
                {wire::PlatformErrorCode::kStartFailed, 502, "start_failed"},
                {wire::PlatformErrorCode::kOverMemory, 502, "over_memory"},
                {wire::PlatformErrorCode::kNoCapacity, 503, "no_capacity"}};
  for (const auto& row : kTable) {
    world.controller.behave = [&](ByteView, std::shared_ptr<RunListener> listener) {
      listener->on_end(wire::ControllerFrame::kFailed,
                       wire::encode(wire::PlatformError{.code = row.code, .text = R"({"result":"forged"})"}));
    };
    const HttpResponse response =
        world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true");
    EXPECT_EQ(response.status, row.status) << row.word;
    EXPECT_EQ(response.body.find("forged"), std::string::npos);
    const json::value record = sent(Method::kGet, "/api/v1/namespaces/_/activations/" + response.activation);
    EXPECT_EQ(annotation(record, "unauthenticatedPlatformError"), "\"" + std::string(row.word) + "\"");
  }
}

TEST_F(Invoking, NoCapacityIs503WithRetryAfter) {
  world.add_action("hello");
  world.controller.behave = [&](ByteView, std::shared_ptr<RunListener> listener) {
    listener->on_end(wire::ControllerFrame::kFailed,
                     wire::encode(wire::PlatformError{.code = wire::PlatformErrorCode::kNoCapacity}));
  };
  const HttpResponse response = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true");
  EXPECT_EQ(response.status, 503);
  EXPECT_GT(response.retry_after_s, 0u);
  EXPECT_TRUE(json::parse(response.body).as_object().contains("code"));
}

TEST_F(Invoking, TellsTheControllerTheNamespaceOfARun) {
  world.add_action("hello");
  world.begin(world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"));
  ASSERT_EQ(world.controller.owners.size(), 1u);
  EXPECT_EQ(world.controller.owners[0], world.owner()->id);
}

TEST(InvokingLimited, IsRefusedWith429UntilAnActivationEnds) {
  TestWorld world({.per_namespace = {.concurrent = 1}});
  world.add_action("hello");
  constexpr std::string_view kPath = "/api/v1/namespaces/_/actions/hello?blocking=true";
  const auto first = world.begin(world.request(Method::kPost, kPath));
  const HttpResponse refused = world.send(Method::kPost, kPath);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(json::parse(refused.body).at("error").as_string(),
            "Too many concurrent requests in flight (count: 2, allowed: 1).");
  EXPECT_TRUE(json::parse(refused.body).as_object().contains("code"));
  EXPECT_GT(refused.retry_after_s, 0u);
  world.controller.listeners[0]->on_end(
      wire::ControllerFrame::kFailed,
      wire::encode(wire::PlatformError{.code = wire::PlatformErrorCode::kRefused}));
  world.controller.listeners.clear();
  const auto second = world.begin(world.request(Method::kPost, kPath));
  EXPECT_FALSE(second->has_value());
}

TEST(InvokingLimited, LimitsOfTheNamespaceAreShown) {
  TestWorld world({.per_namespace = {.per_minute = 60, .concurrent = 30}});
  const auto limits = json::parse(world.send(Method::kGet, "/api/v1/namespaces/_/limits").body);
  EXPECT_EQ(limits.at("invocationsPerMinute").to_number<int>(), 60);
  EXPECT_EQ(limits.at("concurrentInvocations").to_number<int>(), 30);
}

TEST_F(Invoking, ForgedAnswersArePlatformErrors) {
  world.add_action("hello");
  world.controller.behave = [](ByteView envelope, std::shared_ptr<RunListener> listener) {
    listener->on_event(envelope);
    listener->on_end(wire::ControllerFrame::kDone, envelope);
  };
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"), 500);
  EXPECT_EQ(world.metrics.answers_refused.value(), 1u);
  EXPECT_EQ(world.metrics.events_refused.value(), 1u);
}

TEST_F(Invoking, TheFirstAnswerCounts) {
  world.add_action("hello");
  world.controller.behave = [&](ByteView envelope, std::shared_ptr<RunListener> listener) {
    for (const char* text : {R"({"first":1})", R"({"second":2})"})
      listener->on_end(
          wire::ControllerFrame::kDone,
          world.kms.functions("hello").answer(envelope, replies(wire::Outcome::kSuccess, text)).done);
  };
  EXPECT_EQ(world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true").body,
            R"({"first":1})");
}

TEST_F(Invoking, NonBlockingIs202AfterThePendingRecordIsStored) {
  world.add_action("hello");
  bool pending_first = false;
  world.controller.behave = [&](ByteView, std::shared_ptr<RunListener>) {
    pending_first = world.controller.records.size() == 1 &&
                    world.controller.records.begin()->second.state == wire::RecordState::kPending;
  };
  const HttpResponse response = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(json::parse(response.body).at("activationId").as_string().size(), 32u);
  EXPECT_TRUE(pending_first);
}

TEST_F(Invoking, BlockingWaitEndsIn202AndTheRecordFollows) {
  world.add_action("hello");
  auto response = world.begin(
      world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&timeout=100"));
  EXPECT_FALSE(response->has_value());
  world.run_timers(100);
  ASSERT_TRUE(response->has_value());
  EXPECT_EQ((*response)->status, 202);
  const std::string id = (*response)->activation;
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/activations/" + id), 404);
  const auto answers = world.kms.functions("hello").answer(world.controller.envelope, echo);
  world.controller.listeners[0]->on_end(wire::ControllerFrame::kDone, answers.done);
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/activations/" + id), 200);
}

TEST_F(Invoking, BlockingHasAPendingRecordOnlyWhenItLasts) {
  world.add_action("hello");
  world.serve("hello");
  std::size_t rows = 0;
  const auto& records = world.controller.records;
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"), 200);
  for (int turn = 0; turn < 3; ++turn) world.run_timers(LastingRuns::kAfterMs);
  EXPECT_EQ(world.controller.puts, ++rows);
  EXPECT_EQ(records.begin()->second.state, wire::RecordState::kFinished);
  EXPECT_TRUE(world.timers.empty() || world.timers.front().delay_ms != LastingRuns::kAfterMs);

  world.controller.behave = [](ByteView, std::shared_ptr<RunListener>) {};
  auto response =
      world.begin(world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"));
  world.run_timers(LastingRuns::kAfterMs);
  EXPECT_EQ(world.controller.puts, rows);
  world.run_timers(LastingRuns::kAfterMs);
  EXPECT_EQ(world.controller.puts, ++rows);
  EXPECT_EQ(
      std::ranges::count_if(
          records, [](const auto& record) { return record.second.state == wire::RecordState::kPending; }),
      1);
}

TEST_F(Invoking, LongWaitsEndWithTheTick) {
  world.add_action("hello");
  auto response =
      world.begin(world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"));
  world.clock.advance_ms(59'000);
  EXPECT_TRUE(world.controller.listeners[0]->on_tick(world.time.unix_ms()));
  EXPECT_FALSE(response->has_value());
  world.clock.advance_ms(1'000);
  EXPECT_TRUE(world.controller.listeners[0]->on_tick(world.time.unix_ms()));
  ASSERT_TRUE(response->has_value());
  EXPECT_EQ((*response)->status, 202);
  world.clock.advance_ms(60'000);
  EXPECT_FALSE(world.controller.listeners[0]->on_tick(world.time.unix_ms()));  // over its deadline
}

TEST_F(Invoking, RefusesWhatIsNoObjectOfParameters) {
  world.add_action("hello");
  world.serve("hello");
  for (std::string_view body : {"[1]", "1", "\"x\"", "{", "{} {}", "{\"a\":1,}", "\xff", "nul"})
    EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true", body), 400) << body;
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true",
                   std::string(100, '[') + std::string(100, ']')),
            400);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=maybe", "{}"), 400);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&timeout=60001", "{}"),
            400);
  HttpRequest form = world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello", "a=1");
  form.content_type = "application/x-www-form-urlencoded";
  EXPECT_EQ(world.send(form).status, 415);
}

TEST_F(Invoking, FinalParametersMayNotBeOverridden) {
  world.add_action("locked", R"([{"key":"final","value":true}])", R"([{"key":"mode","value":"safe"}])");
  world.serve("locked");
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/locked?blocking=true", R"({"mode":"other"})"),
            400);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/locked?blocking=true", R"({"size":1})"), 200);
}

TEST_F(Invoking, BytesGoInAndComeOutAsBytes) {
  world.add_action("bytes");
  world.serve("bytes", [](std::size_t, const wire::Payload& input) {
    EXPECT_EQ(input.content_type, wire::ContentType::kOctets);
    return FakeReply{.body = input.body, .type = wire::ContentType::kOctets};
  });
  const std::string_view raw("\x00\xff{", 3);
  HttpRequest request =
      world.request(Method::kPost, "/api/v1/namespaces/_/actions/bytes?blocking=true&result=true", raw);
  request.content_type = "image/png";
  const HttpResponse response = world.send(request);
  EXPECT_EQ(response.type, BodyType::kOctets);
  EXPECT_EQ(response.body, raw);
  request.target = "/api/v1/namespaces/_/actions/bytes?blocking=true";
  EXPECT_EQ(json::parse(world.send(request).body).at("response").at("result").at("bytes_base64").as_string(),
            "AP97");
}

TEST_F(Invoking, SequencesRecordEachComponent) {
  world.add_action("a");
  world.add_action("b");
  world.add_sequence("ab", {"a", "b"});
  world.serve("ab");
  const json::value record = sent(Method::kPost, "/api/v1/namespaces/_/actions/ab?blocking=true");
  EXPECT_EQ(annotation(record, "topmost"), "true");
  EXPECT_EQ(annotation(record, "kind"), R"("sequence")");
  const json::value stored = sent(
      Method::kGet, "/api/v1/namespaces/_/activations/" + std::string(record.at("activationId").as_string()));
  ASSERT_EQ(stored.at("logs").as_array().size(), 2u);
  const json::value component =
      sent(Method::kGet,
           "/api/v1/namespaces/_/activations/" + std::string(stored.at("logs").as_array()[1].as_string()));
  EXPECT_EQ(component.at("name").as_string(), "b");
  EXPECT_EQ(component.at("cause"), record.at("activationId"));
  EXPECT_EQ(annotation(component, "causedBy"), R"("sequence")");
  EXPECT_EQ(component.at("logs").as_array().size(), 1u);
}

TEST_F(Invoking, NothingIsSentWhileTheControllerIsAway) {
  world.add_action("hello");
  world.controller.away = true;
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello"), 503);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"), 503);
  EXPECT_EQ(world.metrics.activations_open.value(), 0u);
}

}  // namespace
}  // namespace clemmys::gateway
