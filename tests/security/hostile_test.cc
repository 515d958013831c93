// protocol.md's table of attacks, against real enclaves: each test moves the hand in hostile_node, sends a
// request, and expects that the client never takes a wrong answer for a right one, that whoever should refuse
// did, and that honest requests work afterwards.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "build_folder.h"
#include "platform.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// sealed is false in the counterpart, which shows that an attack succeeds where its rule is missing.
bool sealed() { return getenv("CLEMMYS_COUNTERPART") == nullptr; }

class Hostile : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const BuildFolder::Replacements insecure{{"gateway.sgx", "images/insecure_gateway.sgx"}};
    build = new BuildFolder({{"clemmys-node", "tests/hostile_node"}},
                            sealed() ? BuildFolder::Replacements{} : insecure);
    PlatformOptions options;
    options.program = build->program();
    platform = new Platform(options);
    for (const std::string name : {"first", "second", "third"}) {
      platform->deploy(name, sealed() ? "test_trace" : "insecure_test_trace",
                       R"([{"key":"label","value":")" + name + R"("}])");
    }
    platform->deploy("plain", "example_hello");
    platform->create_sequence("chain", {"first", "second", "third"});
    platform->create_sequence("other", {"first", "third", "second"});
    client = new Client(platform->client());
  }
  static void TearDownTestSuite() {
    delete client;
    delete platform;
    delete build;
  }

  void SetUp() override {
    attack("");
    ASSERT_TRUE(right("other"));
    ASSERT_TRUE(right("chain"));
  }
  // An attack does no lasting damage.
  void TearDown() override {
    attack("");
    EXPECT_TRUE(right("chain"));
  }

  static std::string file(const char* name) { return platform->state_directory() + "/" + name; }
  static void attack(const std::string& name, long number = 0) {
    fs::remove(file("attack.log"));
    if (name.empty()) return void(fs::remove(file("attack")));
    std::ofstream(file("attack.new")) << name << " " << number;
    fs::rename(file("attack.new"), file("attack"));
  }
  static bool logged(const std::string& text) {
    return read_text(file("attack.log")).find(text) != std::string::npos;
  }

  static Answer call(const std::string& action = "chain") {
    return client->api("POST", "actions/" + action + "?blocking=true",
                       "{\"value\":" + std::to_string(++value) + "}");
  }
  // is_right is whether an answer is the result of the latest call.
  static bool is_right(const Answer& answer, const std::string& action = "chain") {
    if (answer.status != 200) return false;
    const std::vector<std::string> order = action == "chain"
                                               ? std::vector<std::string>{"first", "second", "third"}
                                               : std::vector<std::string>{"first", "third", "second"};
    json::array trace;
    for (const std::string& step : order) trace.emplace_back(step + ":" + std::to_string(value));
    return json::parse(answer.body).at("response").at("result").at("trace") == json::value(trace);
  }
  static bool right(const std::string& action) {
    const Answer answer = call(action);
    const bool good = is_right(answer, action);
    if (!good) ADD_FAILURE() << action << ": " << answer.status << " " << answer.body.substr(0, 300);
    return good;
  }

  // expect_stopped runs the chain under an attack: it was tried, `refusal` was logged by the node, and the
  // client saw a failure.
  static void expect_stopped(const std::string& name, long number, const std::string& refusal) {
    attack(name, number);
    const Answer answer = call();
    EXPECT_TRUE(logged("applied " + name)) << name << " was not tried";
    EXPECT_FALSE(logged("succeeded")) << name;
    EXPECT_NE(answer.status, 200u) << name << " " << number << ": " << answer.body.substr(0, 300);
    EXPECT_EQ(answer.body.find("trace"), std::string::npos) << answer.body.substr(0, 300);
    if (!refusal.empty())
      EXPECT_TRUE(logged(refusal)) << name << " " << number << ": " << read_text(file("attack.log"));
  }

  static inline BuildFolder* build = nullptr;
  static inline Platform* platform = nullptr;
  static inline Client* client = nullptr;
  static inline int value = 0;
};

TEST_F(Hostile, ChangedBitOfAnEnvelopeIsRefused) {
  // One bit of each header field, by offset (envelope.h), then of ciphertext and tag.
  for (const long byte :
       {0, 3, 4, 5, 6, 8, 10, 25, 26, 41, 42, 73, 74, 89, 90, 121, 122, 126, 130, 138, 161, 162, 170, 200}) {
    expect_stopped("flip-request", byte * 8 + byte % 8, "refused");
  }
  expect_stopped("flip-request", -1, "refused");
  expect_stopped("flip-request", -16 * 8 - 1, "refused");
}

TEST_F(Hostile, EnvelopeOfAnotherLengthIsRefused) {
  expect_stopped("cut-request", 0, "refused");
  expect_stopped("grow-request", 0, "refused");
}

TEST_F(Hostile, SkippedStepIsRefused) {
  expect_stopped("skip", 0, "refused");
  attack("");
  expect_stopped("skip-relabelled", 0, "refused");
}

TEST_F(Hostile, ReplayedRequestIsRefused) { expect_stopped("replay", 0, "refused"); }

TEST_F(Hostile, EnvelopeRunsOnceInAnInstance) {
  attack("twice");
  const Answer answer =
      call("first");  // one step, so that the second run is the only other thing that happens
  EXPECT_TRUE(logged("applied twice"));
  EXPECT_TRUE(logged("refused")) << read_text(file("attack.log"));
  EXPECT_FALSE(logged("succeeded"));
  EXPECT_EQ(answer.status, 200u) << answer.body.substr(0, 300);
}

TEST_F(Hostile, StepOfOneChainNeverRunsOnAMessageOfAnother) { expect_stopped("other-chain", 0, "refused"); }

TEST_F(Hostile, PayloadOfAnotherActivationIsRefused) { expect_stopped("other-payload", 0, "refused"); }

TEST_F(Hostile, IntermediateResultIsNoAnswer) {
  expect_stopped("intermediate", 0, "");
  attack("");
  expect_stopped("intermediate-relabelled", 0, "");
}

TEST_F(Hostile, ChangedBitOfAnAnswerIsRefused) {
  for (const long byte : {4, 6, 10, 26, 42, 130, 138, 162, 170, 300})
    expect_stopped("flip-answer", byte * 8, "");
  expect_stopped("flip-answer", -1, "");
}

TEST_F(Hostile, AnswerToAnotherActivationIsRefused) {
  expect_stopped("other-answer", 0, "");
  attack("");
  expect_stopped("other-answer-relabelled", 0, "");
}

TEST_F(Hostile, EventIsNoEarlyEnd) { expect_stopped("event-as-end", 0, ""); }

TEST_F(Hostile, ForgedPlatformErrorIsNeverAResult) { expect_stopped("forged-failure", 0, ""); }

TEST_F(Hostile, ForeignOrMissingLogsAreShownAsSuch) {
  for (const char* name : {"other-event", "other-event-relabelled", "drop-event"}) {
    attack(name);
    const Answer answer = call("first");
    EXPECT_TRUE(logged(std::string("applied ") + name));
    EXPECT_EQ(answer.status, 200u);  // the answer itself was not touched
    const std::string id(json::parse(answer.body).at("activationId").as_string());
    const Answer logs = client->api("GET", "activations/" + id + "/logs");
    EXPECT_EQ(logs.status, 200u);
    EXPECT_NE(logs.body.find("did not deliver the log"), std::string::npos)
        << name << ": " << logs.body.substr(0, 300);
  }
}

TEST_F(Hostile, StoredRecordOfAnotherActivationIsNotShown) {
  const Answer mine = call(), theirs = call();
  const std::string id(json::parse(mine.body).at("activationId").as_string());
  attack("other-record");
  const Answer shown = client->api("GET", "activations/" + id);
  EXPECT_TRUE(logged("applied other-record"));
  EXPECT_NE(shown.status, 200u) << shown.body.substr(0, 300);
  EXPECT_EQ(shown.body.find("trace"), std::string::npos);
}

TEST_F(Hostile, FinishedRecordIsNotRolledBack) {
  const Answer mine = call();
  const std::string id(json::parse(mine.body).at("activationId").as_string());
  ASSERT_EQ(client->api("GET", "activations/" + id).status, 200u);
  attack("older-record");
  const Answer shown = client->api("GET", "activations/" + id);
  EXPECT_TRUE(logged("applied older-record"));
  EXPECT_NE(shown.status, 200u) << shown.body.substr(0, 300);
}

TEST_F(Hostile, WrongImageGetsNoKeys) {
  (void)call("plain");  // so that the host has another image at hand
  expect_stopped("wrong-image", 0, "refused");
}

TEST_F(Hostile, TamperedWayToTheKeyServiceGivesNoKeys) {
  expect_stopped("kms-flip-question", 0, "");
  expect_stopped("kms-flip-answer", 0, "");
}

TEST_F(Hostile, OldAnswersOfTheKeyServiceGiveNoKeys) { expect_stopped("kms-old-answer", 0, ""); }

// The counterpart: without sealing, the same hand makes a step run on an envelope that is not its own.
class HostileCounterpart : public Hostile {
 protected:
  void SetUp() override {
    if (sealed()) GTEST_SKIP() << "only with CLEMMYS_COUNTERPART";
    Hostile::SetUp();
  }
  void TearDown() override { attack(""); }
  static void expect_success(const std::string& name, const std::string& line) {
    attack(name);
    (void)call();
    EXPECT_TRUE(logged("applied " + name)) << name << " was not tried";
    EXPECT_TRUE(logged(line)) << name << ": " << read_text(file("attack.log"));
  }
};

TEST_F(HostileCounterpart, SkippedStepRunsWithoutSealing) {
  expect_success("skip-relabelled", "succeeded at the wrong instance");
}

TEST_F(HostileCounterpart, PayloadOfAnotherActivationRunsWithoutSealing) {
  attack("other-payload");
  const Answer answer = call("first");
  EXPECT_TRUE(logged("applied other-payload"));
  EXPECT_FALSE(logged("refused")) << read_text(
      file("attack.log"));  // the function ran; only the receipts tell
}

}  // namespace
}  // namespace clemmys::testing
