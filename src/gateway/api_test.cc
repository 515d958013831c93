// Who may ask for what, and the text formats underneath.
#include "gateway/json.h"
#include "gateway/testing/api_fixture.h"

namespace clemmys::gateway {
namespace {

using namespace testing;
namespace json = boost::json;
using Authentication = ApiTest;

TEST_F(Authentication, InfoNeedsNone) {
  HttpRequest request = world.request(Method::kGet, "/api/v1");
  request.authorization = {};
  EXPECT_EQ(world.send(request).status, 200);
}

TEST_F(Authentication, RefusesWhatIsNotAUsersKey) {
  const std::string kBad[] = {"",
                              "Basic",
                              "Basic ",
                              "Basic !!!!",
                              "Bearer abcd",
                              "Basic " + std::string(2000, 'A'),
                              TestWorld::authorization(kUuid, "wrong"),
                              TestWorld::authorization("nobody", kSecret),
                              TestWorld::authorization(kUuid, ""),
                              TestWorld::authorization("", "")};
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

TEST_F(Authentication, RefusesOtherNamespaces) {
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/other/actions"), 403);
}

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

TEST(Json, FactsComeFromTheTopLevelAlone) {
  EXPECT_TRUE(inspect_json(R"({"error":1})")->has_error);
  EXPECT_FALSE(inspect_json(R"({"a":{"error":1}})")->has_error);
  EXPECT_FALSE(inspect_json(R"([{"error":1}])")->has_error);
  EXPECT_TRUE(inspect_json("{\"\\u0065rror\":1}")->has_error);
  std::vector<std::string> keys;
  EXPECT_TRUE(inspect_json(R"({"a":{"x":1},"b":[{"y":1}]})", &keys));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace clemmys::gateway
