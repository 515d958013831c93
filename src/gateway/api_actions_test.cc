// Definitions: what is taken, what is refused, and what the key service's word becomes.
#include "gateway/testing/api_fixture.h"

namespace clemmys::gateway {
namespace {

using namespace testing;
namespace json = boost::json;
using Actions = ApiTest;

constexpr std::string_view kImagePut =
    R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"memory":512,"timeout":1000},
  "annotations":[{"key":"description","value":"d"}],"parameters":[{"key":"p","value":{"q":[1]}}]})";

TEST_F(Actions, CreateReadUpdateDelete) {
  const json::value created = sent(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut);
  EXPECT_EQ(created.at("version").as_string(), "0.0.1");
  EXPECT_EQ(annotation(created, "exec"), R"("native:1")");
  EXPECT_EQ(annotation(created, "provide-api-key"), "false");
  EXPECT_EQ(created.at("limits").at("memory").to_number<int>(), 512);
  EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut), 409);
  const json::value updated =
      sent(Method::kPut, "/api/v1/namespaces/_/actions/new?overwrite=true",
           R"({"annotations":[{"key":"more","value":1}],"delAnnotations":["description"]})");
  EXPECT_EQ(updated.at("version").as_string(), "0.0.2");
  EXPECT_EQ(updated.at("limits").at("memory").to_number<int>(), 512);  // absent fields keep their values
  EXPECT_EQ(annotation(updated, "more"), "1");
  EXPECT_EQ(annotation(updated, "description"), "");
  EXPECT_EQ(json::serialize(updated.at("parameters")), R"([{"key":"p","value":{"q":[1]}}])");
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions/new").at("exec").at("code").as_string(),
            "aW1hZ2Ux");
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
       {"", "[]", "{}", R"({"exec":1})", R"({"exec":{}})", R"({"exec":{"kind":"nodejs:20","code":"x"}})",
        R"({"exec":{"kind":"native:1"}})", R"({"exec":{"kind":"native:1","code":"%%%%"}})",
        R"({"exec":{"kind":"native:1","code":"bm8="}})", R"({"exec":{"kind":"sequence"}})",
        R"({"exec":{"kind":"sequence","components":[]}})", R"({"exec":{"kind":"sequence","components":[1]}})",
        R"({"exec":{"kind":"sequence","components":["/_/missing"]}})",
        R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"memory":64}})",
        R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"limits":{"timeout":"x"}})",
        R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"annotations":{}})",
        R"({"exec":{"kind":"native:1","code":"aW1hZ2Ux"},"parameters":[{"value":1}]})"})
    EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/bad", body), 400) << body;
  EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/" + std::string(257, 'x'), kImagePut), 400);
}

TEST_F(Actions, KmsRefusalsKeepTheirMeaning) {
  const std::pair<ErrorCode, int> kTable[] = {{ErrorCode::kConflict, 409},
                                              {ErrorCode::kExists, 409},
                                              {ErrorCode::kDenied, 403},
                                              {ErrorCode::kUnavailable, 503},
                                              {ErrorCode::kInternal, 500}};
  for (const auto& [code, expected] : kTable) {
    world.kms.refuse = Error{code, "test.refusal"};
    EXPECT_EQ(status(Method::kPut, "/api/v1/namespaces/_/actions/new", kImagePut), expected);
  }
}

TEST_F(Actions, ClaimGivesTheKeyOnce) {
  EXPECT_EQ(status(Method::kPost, "/clemmys/v1/namespaces/guest/claim", R"({"token":"wrong"})"), 403);
  const json::value user = sent(Method::kPost, "/clemmys/v1/namespaces/guest/claim", R"({"token":"token"})");
  EXPECT_EQ(user.at("key").as_string(), "new-key");
}

TEST_F(Actions, AnOlderViewIsRefused) {
  wire::View old;
  EXPECT_EQ(world.view.apply(std::move(old)).error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace clemmys::gateway
