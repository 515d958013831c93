// Functions made from WASI modules of C, C++ and Rust (examples/wasm), and from a hostile one, on a real
// platform.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "command_line.h"
#include "platform.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

const std::string kModules = CLEMMYS_BINARY_DIR "/examples/wasm/";
constexpr const char* kDied = "The action did not produce a valid response and exited unexpectedly.";

std::string error_of(const Answer& answer) {
  const json::value result = json::parse(answer.body).at("response").at("result");
  return result.is_object() && result.get_object().contains("error")
             ? std::string(result.at("error").as_string())
             : "none: " + answer.body.substr(0, 300);
}

TEST(WasmFunctions, OfCAndCxxAndRustAnswerAloneAndInAChain) {
  Platform platform;
  platform.deploy("words", "example_wasm_words");
  platform.deploy("numbers", "example_wasm_numbers");
  platform.deploy("checksum", "example_wasm_checksum", R"([{"key":"place","value":"here"}])");
  platform.create_sequence("all", {"words", "numbers", "checksum"});
  Client client = platform.client();

  const Answer words = client.api("POST", "actions/words?blocking=true", R"({"text":"to be or not to be"})");
  ASSERT_EQ(words.status, 200u) << words.body;
  EXPECT_EQ(
      json::parse(words.body).at("response").at("result"),
      json::parse(R"({"words":{"be":2,"not":1,"or":1,"text":1,"to":2},"of":{"text":"to be or not to be"}})"));
  EXPECT_NE(client.log_of(words).find("stdout: 5 words that differ"), std::string::npos);

  const Answer checksum = client.api("POST", "actions/checksum?blocking=true&result=true", R"({"n":1})");
  EXPECT_EQ(json::parse(checksum.body).at("of"), json::parse(R"({"place":"here","n":1})"))
      << "default parameters are merged";

  const Answer none = client.api("POST", "actions/numbers?blocking=true", R"({"text":"to be"})");
  EXPECT_EQ(none.status, 502u);
  EXPECT_EQ(error_of(none), "there is no number");
  EXPECT_EQ(json::parse(none.body).at("response").at("status").as_string(), "application error");

  for (int i = 0; i < 20; ++i) {
    const std::string request = R"({"text":"run )" + std::to_string(i) + "\"}";
    const Answer all = client.api("POST", "actions/all?blocking=true&result=true", request);
    ASSERT_EQ(all.status, 200u) << all.body;
    const json::value result = json::parse(all.body);
    EXPECT_EQ(result.at("crc32").as_string().size(), 8u);
    EXPECT_TRUE(result.at("of").at("count").is_number());
    EXPECT_EQ(result.at("of").at("of").at("words"), json::parse(R"({"run":1,"text":1})"));
    EXPECT_EQ(result.at("of").at("of").at("of"), json::parse(request));
  }
}

TEST(WasmFunctions, AHostileModuleMeetsItsLimitsAndTheSameInstanceServesOn) {
  Platform platform;
  platform.deploy("hostile", "test_wasm_hostile", "[]", R"({"memory":128,"timeout":3000})");
  Client client = platform.client();
  const auto ask = [&](const std::string& way) {
    return client.api("POST", "actions/hostile?blocking=true", "{\"way\":\"" + way + "\"}");
  };
  const auto is_as_new = [&](const std::string& after) {
    const Answer next = ask("t");
    EXPECT_EQ(next.status, 200u) << after << next.body;
    EXPECT_EQ(json::parse(next.body).at("response").at("result"), json::parse(R"({"errno":"00"})")) << after;
    return next.body.find("initTime") == std::string::npos;
  };
  EXPECT_FALSE(is_as_new("cold start"));
  EXPECT_TRUE(is_as_new("warm"));
  const std::pair<const char*, const char*> kFaults[] = {
      {"p", "The action exhausted its memory and was aborted."},
      {"m", kDied},
      {"q", kDied},
      {"r", kDied},
      {"s", kDied},
      {"x", kDied},
      {"y", "The action did not return a dictionary or array."},
  };
  for (const auto& [way, error] : kFaults) {
    const Answer answer = ask(way);
    EXPECT_EQ(answer.status, 502u) << way;
    EXPECT_EQ(error_of(answer), error) << way;
    EXPECT_EQ(json::parse(answer.body).at("response").at("status").as_string(), "action developer error");
    EXPECT_TRUE(is_as_new(way)) << way << ": another instance";
  }
  EXPECT_NE(client.log_of(ask("s")).find("stderr: The module was stopped: out of bounds."),
            std::string::npos);
  EXPECT_NE(client.log_of(ask("q")).find("stderr: The module ended with exit status 7."), std::string::npos);
  for (const char* way : {"a", "b", "c", "e", "f", "g", "h", "i", "j"})
    EXPECT_EQ(json::parse(ask(way).body).at("response").at("result"), json::parse(R"({"errno":"21"})"))
        << way;
  // Whoever is first, the module's own deadline or the host's: the words are the same.
  for (const char* way : {"l", "n", "u", "{", "|", "}"}) {
    const Answer late = ask(way);
    EXPECT_EQ(error_of(late), "The action exceeded its time limits of 3000 milliseconds.") << way;
    EXPECT_NE(late.body.find(R"("timeout","value":true)"), std::string::npos) << late.body;
    is_as_new(way);
  }
}

TEST(WasmFunctions, AreBuiltDeployedAndRunByTheCommandLine) {
  Platform platform;
  const Folder folder;
  const std::string user = "CLEMMYS_CONFIG=" + folder.path + "/config CLEMMYS_AUTH=" + platform.key();
  ASSERT_EQ(run("trust add " + platform.url() + " --insecure-accept-software-sgx", user).status, 0);
  const Ran local = run("run --local " + kModules + "words.wasm -p text two", user);
  EXPECT_EQ(local.status, 0);
  EXPECT_NE(local.output.find(R"({"words":{"text":1,"two":1},"of":{"text":"two"}})"), std::string::npos)
      << local.output;
  const Ran deployed = run("deploy " + kModules + "words.wasm", user);
  ASSERT_EQ(deployed.status, 0) << deployed.output;
  const Ran invoked = run("invoke words -p text three", user);
  EXPECT_EQ(invoked.status, 0);
  EXPECT_NE(invoked.output.find("\"three\": 1"), std::string::npos) << invoked.output;
}

TEST(WasmFunctions, OneModuleGivesOneMeasurementWhateverItsNamesAndFolder) {
  const Folder one, two;
  const std::string hostile = CLEMMYS_SOURCE_DIR "/src/runtime/wasi/testing/hostile.wat -o ";
  ASSERT_EQ(std::system(("wat2wasm " + hostile + one.path + "/a.wasm").c_str()), 0);
  ASSERT_EQ(std::system(("wat2wasm --debug-names " + hostile + two.path + "/b.wasm").c_str()), 0);
  ASSERT_NE(read_text(one.path + "/a.wasm"), read_text(two.path + "/b.wasm"));
  const Ran first = run("build --json " + one.path + "/a.wasm"),
            second = run("build --json " + two.path + "/b.wasm");
  ASSERT_EQ(first.status, 0) << first.output;
  ASSERT_EQ(second.status, 0) << second.output;
  EXPECT_EQ(json::parse(first.output).at("measurement"), json::parse(second.output).at("measurement"));
}

TEST(WasmFunctions, AModuleThatCannotBeBuiltIsRefusedWithItsReason) {
  const Folder folder;
  const std::string wat = folder.path + "/m.wat", wasm = folder.path + "/m.wasm";
  const auto build = [&](const std::string& text) {
    FILE* file = fopen(wat.c_str(), "w");
    fputs(text.c_str(), file);
    fclose(file);
    EXPECT_EQ(std::system(("wat2wasm " + wat + " -o " + wasm).c_str()), 0);
    return run("build " + wasm);
  };
  const Ran no_start = build("(module (memory (export \"memory\") 1))");
  EXPECT_EQ(no_start.status, 2);
  EXPECT_NE(no_start.output.find("has no function _start"), std::string::npos) << no_start.output;
  const Ran import = build("(module (import \"env\" \"print\" (func)))");
  EXPECT_EQ(import.status, 2);
  EXPECT_NE(import.output.find("imports env.print"), std::string::npos) << import.output;
  EXPECT_EQ(run("build " + kModules + "words.wasm " + wasm).status, 2);
  EXPECT_EQ(run("build " + folder.path + "/missing.wasm").status, 5);
}

TEST(WasmFunctions, AFrameThatReachesOverTheStacksEndDoesNotCompile) {
  const Folder folder;
  const json::value flags = json::parse(read_text(CLEMMYS_BINARY_DIR "/sdk/flags.json"));
  const auto compile = [&](const char* size) {
    std::string command;
    for (const json::value& each : flags.at("wasm_compile").as_array())
      command += std::string(each.as_string()) + " ";
    const std::string source = folder.path + "/frame.c";
    FILE* file = fopen(source.c_str(), "w");
    fprintf(file, "void f(int i) { volatile char frame[%s]; frame[i] = 1; }\n", size);
    fclose(file);
    return std::system((command + "-c " + source + " -o " + folder.path + "/frame.o 2>/dev/null").c_str());
  };
  EXPECT_EQ(compile("200000"), 0);
  EXPECT_NE(compile("300000"), 0);
}

}  // namespace
}  // namespace clemmys::testing
