// Definitions: what is taken, what is refused, and what the key service's word becomes.
#include "crypto/base64.h"
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

constexpr std::string_view kScript = "// \u00fc\nfunction main(p) { return {greeting: \"Hello \" + p.name} }";
constexpr std::string_view kScriptUrl = "/api/v1/namespaces/_/actions/script?overwrite=true";

std::string script_put(const json::value& exec) { return json::serialize(json::object{{"exec", exec}}); }

TEST_F(Actions, ScriptIsSealedInTheStoreAndComesBackAsItWas) {
  const json::value created =
      sent(Method::kPut, kScriptUrl,
           script_put({{"kind", "nodejs:default"}, {"code", kScript}, {"main", "start"}}));
  EXPECT_EQ(created.at("exec").at("kind").as_string(), "nodejs:20");
  EXPECT_EQ(created.at("exec").at("main").as_string(), "start");
  EXPECT_FALSE(created.at("exec").at("binary").as_bool());
  EXPECT_EQ(annotation(created, "exec"), R"("nodejs:20")");
  ASSERT_EQ(world.controller.blobs.size(), 1u);
  EXPECT_EQ(as_text(world.controller.blobs.begin()->second).find("greeting"), std::string_view::npos);
  const json::value read = sent(Method::kGet, "/api/v1/namespaces/_/actions/script");
  EXPECT_EQ(read.at("exec").at("code").as_string(), kScript);
  EXPECT_FALSE(sent(Method::kGet, "/api/v1/namespaces/_/actions/script?code=false")
                   .at("exec")
                   .as_object()
                   .contains("code"));
}

TEST_F(Actions, ZipIsKnownByItsBytesWhateverTheClientSays) {
  const std::string zip = crypto::to_base64(as_bytes("PK\x03\x04 and more"));
  for (const json::value& exec : {json::value{{"kind", "nodejs:20"}, {"code", zip}},
                                  json::value{{"kind", "nodejs:20"}, {"code", zip}, {"binary", true}},
                                  json::value{{"kind", "nodejs:20"}, {"code", zip}, {"binary", false}}}) {
    EXPECT_TRUE(sent(Method::kPut, kScriptUrl, script_put(exec)).at("exec").at("binary").as_bool());
    EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions/script").at("exec").at("code").as_string(),
              zip);
  }
  const std::string base64_text = crypto::to_base64(as_bytes("no archive"));  // a script may look like base64
  const json::value exec{{"kind", "nodejs:20"}, {"code", base64_text}};
  EXPECT_FALSE(sent(Method::kPut, kScriptUrl, script_put(exec)).at("exec").at("binary").as_bool());
}

TEST_F(Actions, UpdateOfAScriptWithoutCodeKeepsItsCode) {
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", kScript}}));
  const auto before = world.controller.blobs;
  const json::value updated = sent(Method::kPut, kScriptUrl, R"({"limits":{"memory":512}})");
  EXPECT_EQ(updated.at("limits").at("memory").to_number<int>(), 512);
  EXPECT_EQ(world.controller.blobs, before);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions/script").at("exec").at("code").as_string(),
            kScript);
}

TEST_F(Actions, OldCodeOfAScriptGoesOnceNobodyCanWantIt) {
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", kScript}}));
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", "other"}}));
  EXPECT_EQ(world.controller.blobs.size(), 2u);  // an instance may be about to fetch it
  for (const auto& timer : std::exchange(world.timers, {})) timer.run();
  EXPECT_EQ(world.controller.blobs.size(), 1u);
  EXPECT_EQ(sent(Method::kGet, "/api/v1/namespaces/_/actions/script").at("exec").at("code").as_string(),
            "other");
  sent(Method::kDelete, "/api/v1/namespaces/_/actions/script");
  EXPECT_TRUE(world.controller.blobs.empty());
}

TEST_F(Actions, ControllerIsToldOfReplacedAndDeletedChainsOnceNobodyCanUseThem) {
  const auto chain = [&] { return world.view.snapshot()->action("guest", "", "script")->chain; };
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", kScript}}));
  const ChainId first = chain();
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", "other"}}));
  const ChainId second = chain();
  sent(Method::kDelete, "/api/v1/namespaces/_/actions/script");
  EXPECT_TRUE(world.controller.retired.empty());
  for (const auto& timer : std::exchange(world.timers, {})) timer.run();
  EXPECT_EQ(world.controller.retired, (std::vector{first, second}));
}

TEST_F(Actions, ScriptThatIsNotDefinedLeavesNothingInTheStore) {
  world.kms.refuse_puts = Error{ErrorCode::kDenied, "test.refusal"};
  EXPECT_EQ(status(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", kScript}})), 403);
  EXPECT_TRUE(world.controller.blobs.empty());
}

TEST_F(Actions, ChangedOrSwappedCodeOfAScriptIsRefused) {
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", kScript}}));
  const Bytes first = world.controller.blobs.begin()->second;
  sent(Method::kPut, kScriptUrl, script_put({{"kind", "nodejs:20"}, {"code", "other"}}));
  for (const auto& timer : std::exchange(world.timers, {})) timer.run();
  Bytes& stored = world.controller.blobs.begin()->second;
  const Bytes second = std::exchange(stored, first);  // rolled back
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/actions/script"), 500);
  stored = second;
  stored.back() ^= 1;
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/actions/script"), 500);
  stored = second;
  EXPECT_EQ(status(Method::kGet, "/api/v1/namespaces/_/actions/script"), 200);
}

TEST_F(Actions, RefusesScriptsThatAreNone) {
  const std::pair<json::value, int> kTable[] = {
      {{{"kind", "nodejs:20"}}, 400},
      {{{"kind", "nodejs:20"}, {"code", ""}}, 400},
      {{{"kind", "nodejs:20"}, {"code", 1}}, 400},
      {{{"kind", "nodejs:20"}, {"code", "text"}, {"binary", true}}, 400},
      {{{"kind", "nodejs:20"}, {"code", "bm8gemlw"}, {"binary", true}}, 400},
      {{{"kind", "nodejs:20"}, {"code", "x"}, {"binary", 1}}, 400},
      {{{"kind", "nodejs:6"}, {"code", "x"}}, 400},
      {{{"kind", "nodejs:20"}, {"code", std::string((48u << 20) + 1, ' ')}}, 413}};
  for (const auto& [exec, expected] : kTable)
    EXPECT_EQ(status(Method::kPut, kScriptUrl, script_put(exec)), expected) << expected;
  EXPECT_EQ(status(Method::kPut, kScriptUrl, "{\"exec\":{\"kind\":\"nodejs:20\",\"code\":\"\xff\"}}"), 400);
}

TEST_F(Actions, RefusesMalformedDefinitions) {
  for (std::string_view body :
       {"", "[]", "{}", R"({"exec":1})", R"({"exec":{}})", R"({"exec":{"kind":"python:3.11","code":"x"}})",
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
