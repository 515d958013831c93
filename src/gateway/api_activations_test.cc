// Reading records from a store that may lie.
#include "gateway/testing/api_fixture.h"

namespace clemmys::gateway {
namespace {

using namespace testing;
namespace json = boost::json;
using Activations = ApiTest;

TEST_F(Activations, ListsNewestFirstWithLimitsAndNames) {
  world.add_action("a");
  world.add_action("b");
  for (int i = 0; i < 5; ++i) {
    const char* name = i % 2 ? "b" : "a";
    world.serve(name);
    world.clock.advance_ms(10);
    EXPECT_EQ(status(Method::kPost, std::string("/api/v1/namespaces/_/actions/") + name + "?blocking=true"),
              200);
  }
  const json::value all = sent(Method::kGet, "/api/v1/namespaces/_/activations");
  ASSERT_EQ(all.as_array().size(), 5u);
  EXPECT_GT(all.as_array()[0].at("start").to_number<std::uint64_t>(),
            all.as_array()[4].at("start").to_number<std::uint64_t>());
  EXPECT_TRUE(all.as_array()[0].as_object().contains("statusCode"));
  EXPECT_FALSE(all.as_array()[0].as_object().contains("response"));
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?name=b").as_array().size(), 2u);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?name=a&skip=1&limit=1").as_array().size(),
            1u);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?limit=2&skip=4").as_array().size(), 1u);
  EXPECT_EQ(
      sent(Method::kGet, "/api/v1/namespaces/_/activations?count=true").at("activations").to_number<int>(),
      5);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?count=true&name=b")
                .at("activations")
                .to_number<int>(),
            2);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations?since=" + std::to_string(kNow + 45))
                .as_array()
                .size(),
            1u);
  const json::value docs = sent(Method::kGet, "/api/v1/namespaces/_/activations?docs=true&limit=1");
  EXPECT_EQ(docs.as_array()[0].at("logs").as_array().size(), 1u);
}

TEST_F(Activations, LogsAndResultAreParts) {
  world.add_action("a");
  world.serve("a");
  const std::string id = world.send(Method::kPost, "/api/v1/namespaces/_/actions/a?blocking=true").activation;
  EXPECT_EQ(json::serialize(sent(Method::kGet, "/api/v1/namespaces/_/activations/" + id + "/logs")),
            R"({"logs":["2026-01-01T00:00:00.000Z stdout: hello"]})");
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations/" + id + "/result").at("status").as_string(),
            "success");
}

TEST_F(Activations, SwappedAndChangedRecordsAreRefused) {
  world.add_action("a");
  world.serve("a");
  const std::string first =
      world.send(Method::kPost, "/api/v1/namespaces/_/actions/a?blocking=true").activation;
  const std::string second =
      world.send(Method::kPost, "/api/v1/namespaces/_/actions/a?blocking=true").activation;
  auto& records = world.controller.records;
  std::swap(records.at(*fixed_from_hex<ActivationId>(first)).sealed,
            records.at(*fixed_from_hex<ActivationId>(second)).sealed);
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
  const auto running = world.send(Method::kGet, "/api/v1/namespaces/_/activations/" + id);
  EXPECT_EQ(running.status, 404);
  EXPECT_NE(running.body.find("may still be running"), std::string::npos) << running.body;
  EXPECT_NE(running.retry_after_s, 0u);
  const auto unknown = world.send(Method::kGet, "/api/v1/namespaces/_/activations/" + std::string(32, '0'));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.retry_after_s, 0u);
  world.clock.advance_ms(10 * 60'000);
  const json::value record = sent(Method::kGet, "/api/v1/namespaces/_/activations/" + id);
  EXPECT_EQ(record.at("response").at("status").as_string(), "whisk internal error");
  // Nothing is stored: a store that hid the finished record must not get it overwritten.
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/activations").as_array().size(), 0u);
}

}  // namespace
}  // namespace clemmys::gateway
