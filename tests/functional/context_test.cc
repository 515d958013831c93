// What a function is told about its call: the same in C++, JavaScript and a WASI module, on a platform and
// locally.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>

#include "platform.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

constexpr const char* kScript =
    "const context = () => {\n"
    "  const {__OW_ACTION_NAME: name, __OW_NAMESPACE: namespace, __OW_ACTION_VERSION: version,\n"
    "    __OW_ACTIVATION_ID: activation, __OW_DEADLINE: deadline} = process.env;\n"
    "  return {name, namespace, version, activation, deadline};\n"
    "};\n"
    "const loaded = context();\n"
    "const main = () => ({...context(), loaded});";

long long now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// check compares with what OpenWhisk tells: the deadline is this call's own, `timeout_ms` after its start.
// What was told while the code loaded is this call's, too.
void check(const json::value& told, const std::string& name, const std::string& owner,
           const std::string& activation, long long started_ms, long long timeout_ms) {
  EXPECT_EQ(told.at("name").as_string(), name);
  EXPECT_EQ(told.at("namespace").as_string(), owner);
  EXPECT_EQ(told.at("version").as_string(), "0.0.1");
  EXPECT_EQ(told.at("activation").as_string(), activation);
  const long long deadline = std::stoll(std::string(told.at("deadline").as_string()));
  EXPECT_GE(deadline, started_ms + timeout_ms);
  EXPECT_LE(deadline, now_ms() + timeout_ms);
  if (const json::value* loaded = told.as_object().if_contains("loaded"))
    check(*loaded, name, owner, activation, started_ms, timeout_ms);
}

TEST(Context, IsOpenWhisksInEveryLanguage) {
  Platform platform;
  platform.deploy("native", "test_context");
  platform.deploy("wasi", "test_wasm_context");
  platform.deploy_script("script", kScript);
  platform.create_sequence("all", {"native", "wasi", "script"});
  Client client = platform.client();
  constexpr long long kTimeoutMs = 60'000;
  for (const std::string action : {"native", "wasi", "script"}) {
    SCOPED_TRACE(action);
    const long long started_ms = now_ms();
    const json::value record =
        json::parse(client.api("POST", "actions/" + action + "?blocking=true", "{}").body);
    const std::string owner(record.at("namespace").as_string());
    check(record.at("response").at("result"), "/" + owner + "/" + action, owner,
          std::string(record.at("activationId").as_string()), started_ms, kTimeoutMs);
  }
  // In a sequence the deadline is the step's, not the whole chain's.
  const long long started_ms = now_ms();
  const json::value last =
      json::parse(client.api("POST", "actions/all?blocking=true&result=true", "{}").body);
  EXPECT_GE(std::stoll(std::string(last.at("deadline").as_string())), started_ms + kTimeoutMs);
  EXPECT_LE(std::stoll(std::string(last.at("deadline").as_string())), now_ms() + kTimeoutMs);
}

TEST(Context, HasValuesInALocalRun) {
  char script[] = "/tmp/clemmys-context-XXXXXX.js";
  ASSERT_GE(mkstemps(script, 3), 0);
  FILE* file = fopen(script, "w");
  fputs(kScript, file);
  fclose(file);
  for (const std::string function :
       {CLEMMYS_BINARY_DIR "/bin/test-context", CLEMMYS_BINARY_DIR "/tests/functional/context.wasm",
        static_cast<const char*>(script)}) {
    SCOPED_TRACE(function);
    const long long started_ms = now_ms();
    FILE* pipe =
        popen((CLEMMYS_BINARY_DIR "/bin/clemmys run --local " + function + " 2>/dev/null").c_str(), "r");
    char answer[4096] = {};
    EXPECT_GT(fread(answer, 1, sizeof answer - 1, pipe), 0u);
    EXPECT_EQ(pclose(pipe), 0);
    check(json::parse(answer), "/local/function", "local", std::string(32, '0'), started_ms, 60'000);
  }
  remove(script);
}

}  // namespace
}  // namespace clemmys::testing
