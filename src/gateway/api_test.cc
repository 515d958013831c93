// HTTP to invocations and back: OpenWhisk's statuses, bodies and shapes, case by case, with fakes for the world.
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "gateway/activation_run.h"
#include "gateway/base64.h"
#include "gateway/json.h"
#include "gateway/testing/test_world.h"

namespace clemmys::gateway {
namespace {

using namespace testing;
namespace json = boost::json;

class ApiTest : public ::testing::Test {
 protected:
  json::value sent(Method method, std::string_view target, std::string_view body = {}) { return json::parse(world.send(method, target, body).body); }
  int status(Method method, std::string_view target, std::string_view body = {}) { return world.send(method, target, body).status; }
  static std::string annotation(const json::value& record, std::string_view key) {
    for (const json::value& pair : record.at("annotations").as_array())
      if (pair.at("key").as_string() == json::string_view(key.data(), key.size())) return json::serialize(pair.at("value"));
    return "";
  }
  static FakeHandler replies(wire::Outcome outcome, std::string body) {
    return [=](std::size_t, const wire::Payload&) { return FakeReply{.outcome = outcome, .body = to_bytes(body)}; };
  }
  TestWorld world;
};
using Authentication = ApiTest;
using Invoking = ApiTest;
using Actions = ApiTest;
using Activations = ApiTest;

TEST_F(Authentication, InfoNeedsNone) {
  HttpRequest request = world.request(Method::kGet, "/api/v1");
  request.authorization = {};
  EXPECT_EQ(world.send(request).status, 200);
}

TEST_F(Authentication, RefusesWhatIsNotAUsersKey) {
  const std::string kBad[] = {"", "Basic", "Basic ", "Basic !!!!", "Bearer abcd", "Basic " + std::string(2000, 'A'),
                              TestWorld::authorization(kUuid, "wrong"), TestWorld::authorization("nobody", kSecret),
                              TestWorld::authorization(kUuid, ""), TestWorld::authorization("", "")};
  for (const std::string& authorization : kBad) {
    HttpRequest request = world.request(Method::kGet, "/api/v1/namespaces");
    request.authorization = authorization;
    const HttpResponse response = world.send(request);
    EXPECT_EQ(response.status, 401) << authorization;
    EXPECT_TRUE(response.challenge);
    EXPECT_EQ(json::parse(response.body).at("code").as_string(), "test-transaction");
  }
  EXPECT_EQ(world.metrics.authentication_failures.value(), std::size(kBad));
}

TEST_F(Authentication, RefusesOtherNamespaces) { EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/other/actions"), 403); }

TEST_F(ApiTest, StatusTable) {
  world.add_action("a");
  const struct {
    Method method;
    std::string_view target;
    int status;
  } kTable[] = {
      {Method::kGet, "/", 404},
      {Method::kGet, "/api/v2", 404},
      {Method::kGet, "/api/v1/", 200},
      {Method::kGet, "/api/v1/namespaces", 200},
      {Method::kGet, "/api/v1/namespaces/", 200},
      {Method::kGet, "/api/v1/namespaces/_/limits", 200},
      {Method::kGet, "/api/v1/namespaces/_/actions", 200},
      {Method::kGet, "/api/v1/namespaces/guest/actions?limit=200", 200},
      {Method::kGet, "/api/v1/namespaces/_/actions?limit=201", 400},
      {Method::kGet, "/api/v1/namespaces/_/actions?limit=-1", 400},
      {Method::kGet, "/api/v1/namespaces/_/actions?limit=x", 400},
      {Method::kGet, "/api/v1/namespaces/_/actions?count=maybe", 400},
      {Method::kGet, "/api/v1/namespaces/_/actions/a?code=false", 200},
      {Method::kGet, "/api/v1/namespaces/_/actions/none", 404},
      {Method::kGet, "/api/v1/namespaces/_/actions/%2e%2e%2f", 400},
      {Method::kGet, "/api/v1/namespaces/_/actions/package/a", 404},
      {Method::kPut, "/api/v1/namespaces/_/actions/package/a", 501},
      {Method::kHead, "/api/v1/namespaces/_/actions/a", 405},
      {Method::kPost, "/api/v1/namespaces/_/actions", 405},
      {Method::kPost, "/api/v1/namespaces/_/actions/none", 404},
      {Method::kDelete, "/api/v1/namespaces/_/actions/none", 404},
      {Method::kGet, "/api/v1/namespaces/_/triggers", 501},
      {Method::kGet, "/api/v1/namespaces/_/packages", 501},
      {Method::kGet, "/api/v1/namespaces/_/activations", 200},
      {Method::kGet, "/api/v1/namespaces/_/activations?docs=true&count=true", 400},
      {Method::kGet, "/api/v1/namespaces/_/activations/xyz", 400},
      {Method::kGet, "/api/v1/namespaces/_/activations/00000000000000000000000000000000", 404},
      {Method::kOptions, "/api/v1/namespaces/_/actions", 200},
      {Method::kGet, "/clemmys/v1/health", 200},
      {Method::kGet, "/clemmys/v1/metrics", 200},
      {Method::kGet, "/clemmys/v1/status", 200},
      {Method::kGet, "/clemmys/v1/evidence", 400},
      {Method::kGet, "/clemmys/v1/namespaces/guest/claim", 405},
      {Method::kPost, "/clemmys/v1/namespaces/guest/claim", 400},
      {Method::kGet, "http://elsewhere/api/v1", 400},
      {Method::kGet, "/api/v1/%zz", 400},
  };
  for (const auto& row : kTable) EXPECT_EQ(status(row.method, row.target), row.status) << row.target;
}

TEST_F(Invoking, BlockingGivesTheRecordWithoutLogs) {
  world.add_action("hello");
  world.serve("hello");
  const HttpResponse response = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true", R"({"a":1})");
  EXPECT_EQ(response.status, 200);
  const json::value record = json::parse(response.body);
  EXPECT_EQ(response.activation, record.at("activationId").as_string());
  EXPECT_EQ(json::serialize(record.at("response")), R"({"result":{"step":0,"input":{"a":1}},"size":26,"status":"success","success":true})");
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
  EXPECT_EQ(annotation(sent(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"), "initTime"), "7");
}

TEST_F(Invoking, ResultAloneIsTheFunctionsBytes) {
  world.add_action("hello");
  world.serve("hello", replies(wire::Outcome::kSuccess, "{ \"spaces\" :  1 }"));
  EXPECT_EQ(world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true").body, "{ \"spaces\" :  1 }");
}

TEST_F(Invoking, ArraysAreAnsweredBare) {
  world.add_action("hello");
  world.serve("hello", replies(wire::Outcome::kSuccess, "[1,2]"));
  EXPECT_EQ(world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true").body, "[1,2]");
}

TEST_F(Invoking, ErrorsOfTheFunctionAre502WithoutCode) {
  world.add_action("hello");
  for (const auto& [outcome, text] : {std::pair{wire::Outcome::kHandlerError, "application error"}, {wire::Outcome::kRuntimeFault, "action developer error"}}) {
    world.serve("hello", replies(outcome, R"({"error":"no"})"));
    const HttpResponse record = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true");
    EXPECT_EQ(record.status, 502);
    EXPECT_EQ(json::parse(record.body).at("response").at("status").as_string(), text);
    EXPECT_FALSE(json::parse(record.body).as_object().contains("code"));
    const HttpResponse result = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true");
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
                {wire::PlatformErrorCode::kNoCapacity, 503, "no_capacity"}};
  for (const auto& row : kTable) {
    world.controller.behave = [&](ByteView, std::shared_ptr<RunListener> listener) {
      listener->on_end(wire::ControllerFrame::kFailed, wire::encode(wire::PlatformError{.code = row.code, .text = R"({"result":"forged"})"}));
    };
    const HttpResponse response = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true");
    EXPECT_EQ(response.status, row.status) << row.word;
    EXPECT_EQ(response.body.find("forged"), std::string::npos);
    const json::value record = sent(Method::kGet, "/api/v1/namespaces/_/activations/" + response.activation);
    EXPECT_EQ(annotation(record, "unauthenticatedPlatformError"), "\"" + std::string(row.word) + "\"");
  }
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
      listener->on_end(wire::ControllerFrame::kDone, world.kms.functions("hello").answer(envelope, replies(wire::Outcome::kSuccess, text)).done);
  };
  EXPECT_EQ(world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&result=true").body, R"({"first":1})");
}

TEST_F(Invoking, NonBlockingIs202AfterThePendingRecordIsStored) {
  world.add_action("hello");
  bool pending_first = false;
  world.controller.behave = [&](ByteView, std::shared_ptr<RunListener>) {
    pending_first = world.controller.records.size() == 1 && world.controller.records.begin()->second.state == wire::RecordState::kPending;
  };
  const HttpResponse response = world.send(Method::kPost, "/api/v1/namespaces/_/actions/hello");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(json::parse(response.body).at("activationId").as_string().size(), 32u);
  EXPECT_TRUE(pending_first);
}

TEST_F(Invoking, BlockingWaitEndsIn202AndTheRecordFollows) {
  world.add_action("hello");
  auto response = world.begin(world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&timeout=100"));
  EXPECT_FALSE(response->has_value());
  ASSERT_EQ(world.timers.size(), 1u);
  world.timers[0]();
  ASSERT_TRUE(response->has_value());
  EXPECT_EQ((*response)->status, 202);
  const std::string id = (*response)->activation;
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/activations/" + id), 404);
  const auto answers = world.kms.functions("hello").answer(world.controller.envelope, echo);
  world.controller.listeners[0]->on_end(wire::ControllerFrame::kDone, answers.done);
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/activations/" + id), 200);
}

TEST_F(Invoking, LongWaitsEndWithTheTick) {
  world.add_action("hello");
  auto response = world.begin(world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true"));
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
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true", std::string(100, '[') + std::string(100, ']')), 400);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=maybe", "{}"), 400);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/hello?blocking=true&timeout=60001", "{}"), 400);
  HttpRequest form = world.request(Method::kPost, "/api/v1/namespaces/_/actions/hello", "a=1");
  form.content_type = "application/x-www-form-urlencoded";
  EXPECT_EQ(world.send(form).status, 415);
}

TEST_F(Invoking, FinalParametersMayNotBeOverridden) {
  world.add_action("locked", R"([{"key":"final","value":true}])", R"([{"key":"mode","value":"safe"}])");
  world.serve("locked");
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/locked?blocking=true", R"({"mode":"other"})"), 400);
  EXPECT_EQ(status(Method::kPost, "/api/v1/namespaces/_/actions/locked?blocking=true", R"({"size":1})"), 200);
}

TEST_F(Invoking, BytesGoInAndComeOutAsBytes) {
  world.add_action("bytes");
  world.serve("bytes", [](std::size_t, const wire::Payload& input) {
    EXPECT_EQ(input.content_type, wire::ContentType::kOctets);
    return FakeReply{.body = input.body, .type = wire::ContentType::kOctets};
  });
  const std::string_view raw("\x00\xff{", 3);
  HttpRequest request = world.request(Method::kPost, "/api/v1/namespaces/_/actions/bytes?blocking=true&result=true", raw);
  request.content_type = "image/png";
  const HttpResponse response = world.send(request);
  EXPECT_EQ(response.type, BodyType::kOctets);
  EXPECT_EQ(response.body, raw);
  request.target = "/api/v1/namespaces/_/actions/bytes?blocking=true";
  EXPECT_EQ(json::parse(world.send(request).body).at("response").at("result").at("bytes_base64").as_string(), "AP97");
}

TEST_F(Invoking, SequencesRecordEachComponent) {
  world.add_action("a");
  world.add_action("b");
  world.add_sequence("ab", {"a", "b"});
  world.serve("ab");
  const json::value record = sent(Method::kPost, "/api/v1/namespaces/_/actions/ab?blocking=true");
  EXPECT_EQ(annotation(record, "topmost"), "true");
  EXPECT_EQ(annotation(record, "kind"), R"("sequence")");
  const json::value stored = sent(Method::kGet, "/api/v1/namespaces/_/activations/" + std::string(record.at("activationId").as_string()));
  ASSERT_EQ(stored.at("logs").as_array().size(), 2u);
  const json::value component = sent(Method::kGet, "/api/v1/namespaces/_/activations/" + std::string(stored.at("logs").as_array()[1].as_string()));
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

TEST_F(Activations, ListsNewestFirstWithLimitsAndNames) {
  world.add_action("a");
  world.add_action("b");
  for (int i = 0; i < 5; ++i) {
    const char* name = i % 2 ? "b" : "a";
    world.serve(name);
    world.clock.advance_ms(10);
    EXPECT_EQ(status(Method::kPost, std::string("/api/v1/namespaces/_/actions/") + name + "?blocking=true"), 200);
  }
  const json::value all = sent(Method::kGet, "/api/v1/namespaces/_/activations");
  ASSERT_EQ(all.as_array().size(), 5u);
  EXPECT_GT(all.as_array()[0].at("start").to_number<std::uint64_t>(), all.as_array()[4].at("start").to_number<std::uint64_t>());
  EXPECT_TRUE(all.as_array()[0].as_object().contains("statusCode"));
  EXPECT_FALSE(all.as_array()[0].as_object().contains("response"));
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?name=b").as_array().size(), 2u);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?name=a&skip=1&limit=1").as_array().size(), 1u);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?limit=2&skip=4").as_array().size(), 1u);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?count=true").at("activations").to_number<int>(), 5);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?count=true&name=b").at("activations").to_number<int>(), 2);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?since=" + std::to_string(kNow + 45)).as_array().size(), 1u);
  const json::value docs = sent(Method::kGet, "/api/v1/namespaces/_/activations?docs=true&limit=1");
  EXPECT_EQ(docs.as_array()[0].at("logs").as_array().size(), 1u);
}

TEST_F(Activations, LogsAndResultAreParts) {
  world.add_action("a");
  world.serve("a");
  const std::string id = world.send(Method::kPost, "/api/v1/namespaces/_/actions/a?blocking=true").activation;
  EXPECT_EQ(json::serialize(sent(Method::kGet, "/api/v1/namespaces/_/activations/" + id + "/logs")), R"({"logs":["2026-01-01T00:00:00.000Z stdout: hello"]})");
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations/" + id + "/result").at("status").as_string(), "success");
}

TEST_F(Activations, SwappedAndChangedRecordsAreRefused) {
  world.add_action("a");
  world.serve("a");
  const std::string first = world.send(Method::kPost, "/api/v1/namespaces/_/actions/a?blocking=true").activation;
  const std::string second = world.send(Method::kPost, "/api/v1/namespaces/_/actions/a?blocking=true").activation;
  auto& records = world.controller.records;
  std::swap(records.at(*fixed_from_hex<ActivationId>(first)).sealed, records.at(*fixed_from_hex<ActivationId>(second)).sealed);
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/activations/" + first), 500);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations").as_array().size(), 0u);
}

TEST_F(Activations, LostOnesAreSettledWhenRead) {
  world.add_action("a");
  std::string id;
  {
    id = world.send(Method::kPost, "/api/v1/namespaces/_/actions/a").activation;
    world.controller.listeners.clear();  // as after a restart: nobody waits for it
  }
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/activations/" + id), 404);
  world.clock.advance_ms(10 * 60'000);
  const json::value record = sent(Method::kGet, "/api/v1/namespaces/_/activations/" + id);
  EXPECT_EQ(record.at("response").at("status").as_string(), "whisk internal error");
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations").as_array().size(), 1u);  // stored as finished
}

constexpr std::string_view kImagePut = R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"memory":512,"timeout":1000},
  "annotations":[{"key":"description","value":"d"}],"parameters":[{"key":"p","value":{"q":[1]}}]})";

TEST_F(Actions, CreateReadUpdateDelete) {
  const json::value created = sent(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut);
  EXPECT_EQ(created.at("version").as_string(), "0.0.1");
  EXPECT_EQ(annotation(created, "exec"), R"("native:1")");
  EXPECT_EQ(annotation(created, "provide-api-key"), "false");
  EXPECT_EQ(created.at("limits").at("memory").to_number<int>(), 512);
  EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut), 409);
  const json::value updated = sent(Method::kPut, "/api/v1/namespaces/_/actions/new?overwrite=true",
                                   R"({"annotations":[{"key":"more","value":1}],"delAnnotations":["description"]})");
  EXPECT_EQ(updated.at("version").as_string(), "0.0.2");
  EXPECT_EQ(updated.at("limits").at("memory").to_number<int>(), 512);  // absent fields keep their values
  EXPECT_EQ(annotation(updated, "more"), "1");
  EXPECT_EQ(annotation(updated, "description"), "");
  EXPECT_EQ(json::serialize(updated.at("parameters")), R"([{"key":"p","value":{"q":[1]}}])");
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions/new").at("exec").at("code").as_string(), "aW1hZ2Ux");
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions?count=true").at("actions").to_number<int>(), 1);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions").as_array().size(), 1u);
  EXPECT_EQ(status(Method::kDelete, "/api/v1/namespaces/_/actions/new"), 200);
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/actions/new"), 404);
}

TEST_F(Actions, OtherCodeFromTheStoreIsRefused) {
  EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut), 200);
  world.controller.images.begin()->second = to_bytes(std::string_view("image of somebody else"));
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/actions/new"), 500);
}

TEST_F(Actions, RefusesMalformedDefinitions) {
  for (std::string_view body :
       {"", "[]", "{}", R"({"exec":1})", R"({"exec":{}})", R"({"exec":{"kind":"nodejs:20","code":"x"}})", R"({"exec":{"kind":"native:1"}})",
        R"({"exec":{"kind":"native:1","code":"%%%%"}})", R"({"exec":{"kind":"native:1","code":"bm8="}})", R"({"exec":{"kind":"sequence"}})",
        R"({"exec":{"kind":"sequence","components":[]}})", R"({"exec":{"kind":"sequence","components":[1]}})",
        R"({"exec":{"kind":"sequence","components":["/_/missing"]}})",
        R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"memory":64}})", R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"timeout":"x"}})",
        R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"annotations":{}})", R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"parameters":[{"value":1}]})"})
    EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/bad", body), 400) << body;
  EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/" + std::string(257, 'x'), kImagePut), 400);
}

TEST_F(ApiTest, KmsRefusalsKeepTheirMeaning) {
  const std::pair<ErrorCode, int> kTable[] = {{ErrorCode::kConflict, 409}, {ErrorCode::kExists, 409}, {ErrorCode::kDenied, 403},
                                              {ErrorCode::kUnavailable, 503}, {ErrorCode::kInternal, 500}};
  for (const auto& [code, expected] : kTable) {
    world.kms.refuse = Error{code, "test.refusal"};
    EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut), expected);
  }
}

TEST_F(ApiTest, ClaimGivesTheKeyOnce) {
  EXPECT_EQ(status(Method::kPost, "/clemmys/v1/namespaces/guest/claim", R"({"token":"wrong"})"), 403);
  const json::value user = sent(Method::kPost, "/clemmys/v1/namespaces/guest/claim", R"({"token":"token"})");
  EXPECT_EQ(user.at("key").as_string(), "new-key");
}

TEST_F(ApiTest, AnOlderViewIsRefused) {
  wire::View old;
  EXPECT_EQ(world.view.apply(std::move(old)).error().code, ErrorCode::kConflict);
}

TEST(Json, FactsComeFromTheTopLevelAlone) {
  EXPECT_TRUE(inspect_json(R"({"error":1})")->has_error);
  EXPECT_FALSE(inspect_json(R"({"a":{"error":1}})")->has_error);
  EXPECT_FALSE(inspect_json(R"([{"error":1}])")->has_error);
  EXPECT_TRUE(inspect_json("{\"\\u0065rror\":1}")->has_error);
  std::vector<std::string> keys;
  EXPECT_TRUE(inspect_json(R"({"a":{"x":1},"b":[{"y":1}]})", &keys));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
}

TEST(Base64, RoundTripsAndRefusesLooseForms) {
  for (std::size_t size : {0, 1, 2, 3, 100}) {
    Bytes bytes(size, 0xa5);
    std::string text;
    append_base64(text, bytes);
    EXPECT_EQ(from_base64(text).value(), bytes);
  }
  for (std::string_view bad : {"a", "ab", "abc", "ab=c", "====", " abc", "abc\n", "ab-_"}) EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace clemmys::gateway
