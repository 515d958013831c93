// The command line as its users type it, on a whole platform.
#include "command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <regex>

#include "platform.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

class CommandLine : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    platform_ = new Platform({.arguments = {"--instances-per-function", "6", "--payload-mib", "2"}});
    home_ = new Folder;
    ASSERT_EQ(clemmys("trust add " + platform_->url() + " --insecure-accept-software-sgx").status, 0);
  }
  static void TearDownTestSuite() {
    delete platform_;
    delete home_;
  }
  static Ran clemmys(const std::string& arguments) {
    return run(arguments, "CLEMMYS_CONFIG=" + home_->path + "/config CLEMMYS_AUTH=" + platform_->key());
  }
  static inline Platform* platform_ = nullptr;
  static inline Folder* home_ = nullptr;
};

bool holds(const Ran& ran, const std::string& text) { return ran.output.find(text) != std::string::npos; }

TEST_F(CommandLine, AnUpdateKeepsWhatItDoesNotNameAndSaysSo) {
  const std::string deploy = "deploy " + home_->write("kept.js", "function main(p) { return p; }");
  const auto isolation = [] {
    const json::value action = json::parse(clemmys("get kept").output);
    for (const json::value& note : action.at("annotations").as_array())
      if (note.at("key") == "isolate") return json::serialize(note.at("value"));
    return std::string("none");
  };
  const Ran created = clemmys(deploy + " -p language en --memory 512 --isolate");
  EXPECT_EQ(created.status, 0) << created.output;
  EXPECT_FALSE(holds(created, "updated"));
  const Ran updated = clemmys(deploy);
  EXPECT_TRUE(holds(updated, "updated: version 0.0.2")) << updated.output;
  EXPECT_TRUE(holds(updated, "language (kept from before")) << updated.output;
  EXPECT_TRUE(holds(updated, "512 MiB, 60000 ms")) << updated.output;
  EXPECT_EQ(isolation(), "true");
  const Ran cleared = clemmys(deploy + " --no-params --no-isolate");
  EXPECT_FALSE(holds(cleared, "language")) << cleared.output;
  EXPECT_EQ(isolation(), "false");
  EXPECT_TRUE(holds(clemmys("invoke kept"), "{}"));
  const std::string none = home_->write("none.json", "{}");
  clemmys(deploy + " -p language en");
  EXPECT_FALSE(holds(clemmys(deploy + " -P " + none), "language"));
}

std::string activation_of(const Ran& started) {
  return std::string(json::parse(started.output).at("activationId").as_string());
}

TEST_F(CommandLine, ARunThatHasNotEndedIsSaidToRunAndCanBeWaitedFor) {
  platform_->deploy_script("second",
                           "function main() { console.log('a line');"
                           " return new Promise((done) => setTimeout(() => done({n: 1}), 2000)); }");
  const std::string id = activation_of(clemmys("invoke second --async"));
  for (const std::string& command : {"activations " + id, "logs " + id}) {
    const Ran early = clemmys(command);
    EXPECT_EQ(early.status, 7) << early.output;
    EXPECT_TRUE(holds(early, "may still be running")) << early.output;
    EXPECT_TRUE(holds(early, "--wait")) << early.output;
  }
  EXPECT_TRUE(holds(clemmys("logs --wait " + id), "a line"));
  EXPECT_EQ(activation_of(clemmys("activations --wait " + id)), id);
  EXPECT_EQ(clemmys("activations --wait " + std::string(32, '0')).status, 5);
}

TEST_F(CommandLine, AFailureNamesItsLogAndTheListSaysWhenAndHowRunsEnded) {
  platform_->deploy_script("throws", "function main() { throw new Error('boom'); }");
  const Ran failed = clemmys("invoke throws");
  EXPECT_EQ(failed.status, 1);
  const auto at = failed.output.find("clemmys logs ");
  ASSERT_NE(at, std::string::npos) << failed.output;
  const std::string id = failed.output.substr(at + 13, 32);
  EXPECT_TRUE(holds(clemmys("logs " + id), "boom"));
  const std::string list = clemmys("activations").output;
  const std::regex line("20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ  " + id +
                        "  throws +\\d+ ms  action developer error");
  EXPECT_TRUE(std::regex_search(list, line)) << list;
}

TEST_F(CommandLine, SourcesAreDeployedWithTheirLibrary) {
  const std::string first = home_->write("sums.cc", R"(#include <clemmys/function.h>
unsigned long sum();
int main() {
  return clemmys::serve([](const clemmys::Request&) -> clemmys::Result<clemmys::Response> {
    return clemmys::Response::json("{\"sum\":" + std::to_string(sum()) + "}");
  });
})");
  const std::string second =
      home_->write("sum.cc", "#include <zlib.h>\nunsigned long sum() { return crc32(0, nullptr, 0) + 7; }");
  const Ran deployed = clemmys("deploy " + first + " " + second + " --library=-lz");
  EXPECT_EQ(deployed.status, 0) << deployed.output;
  EXPECT_TRUE(holds(clemmys("invoke sums"), "\"sum\": 7"));
  const std::string script = home_->write("one.js", "function main() {}");
  EXPECT_EQ(clemmys("deploy " + script + " " + script).status, 2);
  EXPECT_EQ(clemmys("deploy " + script + " --library=-lz").status, 2);
}

TEST_F(CommandLine, StatsAreForPeopleUnlessJsonIsAskedFor) {
  platform_->deploy_script("counted", "function main() { return {}; }");
  EXPECT_EQ(clemmys("invoke counted").status, 0);
  const Ran table = clemmys("enclave stats");
  EXPECT_EQ(table.status, 0);
  for (const char* text :
       {"1 idle, 0 calls wait, 256 MiB each", "cold starts", " MiB\n", "Latest cold starts"})
    EXPECT_TRUE(holds(table, text)) << text << "\n" << table.output;
  EXPECT_FALSE(holds(table, "{")) << table.output;
}

TEST_F(CommandLine, RequestsHoldWhatUpWasTold) {
  platform_->deploy_script("takes", "function main() { return {}; }");
  const auto invoke = [](std::size_t size) {
    return clemmys("invoke takes --file " + home_->write("bytes", std::string(size, 'x')));
  };
  EXPECT_EQ(invoke(3 << 19).status, 0);
  EXPECT_TRUE(holds(invoke(3 << 20), "over the limit of 2097152 bytes"));
}

TEST_F(CommandLine, AWrongTokenIsSaidToBeOne) {
  const Ran ran = clemmys("namespace claim guest --token abc");
  EXPECT_EQ(ran.status, 4);
  EXPECT_TRUE(holds(ran, "not the token of a namespace")) << ran.output;
}

TEST_F(CommandLine, TheOperatorMakesANamespaceAndWhoeverHasTheTokenOwnsIt) {
  const std::string create = "--json namespace create ", state = " --state " + platform_->state_directory();
  const auto claim = [&](const std::string& name) {
    const json::value made = json::parse(clemmys(create + name + state).output);
    return clemmys("namespace claim " + name + " --token " + std::string(made.at("token").as_string()));
  };
  const Ran first = clemmys(create + "first" + state);
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_EQ(clemmys(create + "first" + state).status, 6);
  EXPECT_EQ(clemmys(create + "none --state " + home_->path).status, 7);
  EXPECT_FALSE(holds(claim("second"), "no longer kept"));
  EXPECT_TRUE(holds(claim("third"), "no longer kept"));
}

TEST_F(CommandLine, AsManyCallsOfAFunctionRunAtOnceAsUpWasTold) {
  platform_->deploy_script(
      "slow", "function main() { return new Promise((done) => setTimeout(() => done({}), 5000)); }");
  for (int i = 0; i < 7; ++i) EXPECT_EQ(clemmys("invoke slow --async").status, 0);
  std::size_t most = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  while (std::chrono::steady_clock::now() < end) {
    const json::value status = json::parse(clemmys("enclave stats --json").output);
    for (const json::value& function : status.at("controller").at("functions").as_array())
      most = std::max(most, function.at("instances").as_array().size());
  }
  EXPECT_EQ(most, 6u);
}

}  // namespace
}  // namespace clemmys::testing
