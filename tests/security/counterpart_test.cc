// The counterparts of hostile_test: the same hand on programs that lack a rule (insecure/README.md) does what
// the rule forbids.
#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "host_user.h"
#include "hostile_platform.h"
#include "wire/kms_api.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

// Unsealed: no sealing anywhere, no receipts in the gateway; `second` and `twin` also believe headers and
// forget what they ran; the key service gives keys to anybody.
class Unsealed : public HostileTest {
 protected:
  static void SetUpTestSuite() {
    start({.images = {{"gateway.sgx", "images/insecure_gateway.sgx"}, {"kms.sgx", "images/insecure_kms.sgx"}},
           .trace = "insecure_test_trace",
           .trace_of_second = "insecure_test_trace_step"});
  }
  static void TearDownTestSuite() { end(); }

  // Bits of {"value":123,"trace":["first:123", …]}: of the value's last digit, and of the first step's name.
  static constexpr long kDigit = (170 + 11) * 8, kName = (170 + 23) * 8;
  static std::string activation(const Answer& answer) {
    return std::string(json::parse(answer.body).at("activationId").as_string());
  }
};

TEST_F(Unsealed, ChangedBitOfAnEnvelopeChangesTheAnswer) { expect_wrong_answer("flip-request", kDigit); }

TEST_F(Unsealed, ChangedBitOfAnAnswerChangesTheAnswer) { expect_wrong_answer("flip-answer", kName); }

TEST_F(Unsealed, SkippedStepIsMissingFromTheAnswer) { expect_wrong_answer("skip-relabelled"); }

// Here an envelope's own limit, a receipt per step, still keeps the answer from the client.
TEST_F(Unsealed, StepRunsTwiceInARow) { expect_ran("again-relabelled"); }

TEST_F(Unsealed, OutputSentBackwardsRuns) {
  platform->create_sequence("round", {"twin", "first", "third"});
  ASSERT_EQ(call("round").status, 200u);
  expect_ran("back-relabelled", 0, "round");  // twin forgets that it ran this step
}

TEST_F(Unsealed, StepOfOneChainRunsOnAMessageOfAnother) { expect_ran("other-chain"); }

TEST_F(Unsealed, PayloadOfAnotherActivationRuns) {
  ASSERT_TRUE(right("second"));
  expect_wrong_answer("other-payload", 0, "second");
}

TEST_F(Unsealed, IntermediateResultIsTheAnswer) { expect_wrong_answer("intermediate-relabelled"); }

TEST_F(Unsealed, AnswerToAnotherActivationIsTaken) { expect_wrong_answer("other-answer-relabelled"); }

TEST_F(Unsealed, SplicedReceiptsAreTaken) {
  attack("splice-answer");
  EXPECT_TRUE(is_right(call()));  // with another activation's receipts
  EXPECT_TRUE(logged("applied splice-answer"));
}

TEST_F(Unsealed, OtherLimitsAreBelievedWithoutHeaderConstants) {
  expect_ran("other-limits", 1);
  expect_ran("other-image", 1);
  expect_stopped("other-limits", 2, "refused denied runtime.step.header_constants");  // third still checks
}

TEST_F(Unsealed, OtherReceiverRunsTheRequest) {
  ASSERT_TRUE(right("twin"));
  expect_wrong_answer("other-function-relabelled", 0, "second");
}

TEST_F(Unsealed, InstanceOfAnotherTenantRunsTheRequest) {
  const std::string key = platform->add_namespace("tenant");
  Client tenant = platform->client_of(key);
  Platform::deploy(platform->client_of(key), "theirs", "insecure_test_trace_step",
                   R"([{"key":"label","value":"theirs"}])");
  ASSERT_EQ(tenant.api("POST", "actions/theirs?blocking=true", R"({"value":1})").status, 200u);
  expect_wrong_answer("other-function-relabelled", 0, "second");
}

TEST_F(Unsealed, InstanceThatIsToldToBeAnotherFunctionRunsTheRequest) {
  ASSERT_TRUE(right("twin"));
  expect_wrong_answer("other-assignment", 0, "second");
}

TEST_F(Unsealed, EnvelopeRunsTwiceInAnInstanceWithoutTheReplayCache) {
  attack("twice");
  (void)call("second");
  EXPECT_TRUE(logged("succeeded twice")) << log();
  expect_ran("replay", 0, "second");
}

TEST_F(Unsealed, ForgedPlatformErrorIsTheAnswer) { expect_wrong_answer("forged-failure"); }

TEST_F(Unsealed, KeyServiceOfTheHostAnswersForTheFunction) { expect_wrong_answer("fake-kms", 0, "second"); }

// The label is most of what the key service sends, so the bit in the middle is one of its letters.
TEST_F(Unsealed, ChangedAnswerOfTheKeyServiceChangesParameters) {
  const std::string label(1'000, 'a');
  platform->deploy("labelled", "insecure_test_trace_step", R"([{"key":"label","value":")" + label + R"("}])");
  attack("kms-flip-answer", static_cast<long>(wire::KmsFrame::kMessage));
  const Answer answer = call("labelled");
  EXPECT_TRUE(logged("applied kms-flip-answer"));
  ASSERT_EQ(answer.status, 200u) << answer.body.substr(0, 300);
  EXPECT_NE(answer.body.find("aaaaaa`aaaaaa"), std::string::npos) << answer.body;
}

TEST_F(Unsealed, OldAnswerOfTheSameSessionGivesKeys) {
  ASSERT_TRUE(right("second"));
  expect_ran("other-instance-old-keys", 1);
}

TEST_F(Unsealed, ForeignLogIsShown) {
  attack("other-event-relabelled");
  const Answer answer = call("second");
  ASSERT_TRUE(logged("applied other-event-relabelled"));
  const Answer logs = client->api("GET", "activations/" + activation(answer) + "/logs");
  EXPECT_EQ(logs.status, 200u);
  EXPECT_EQ(logs.body.find("did not deliver the log"), std::string::npos) << logs.body.substr(0, 300);
}

TEST_F(Unsealed, EventIsAnEarlyEnd) {
  attack("event-as-end");
  const Answer answer = call();
  EXPECT_TRUE(logged("applied event-as-end"));
  EXPECT_EQ(answer.status, 502u) << answer.body;
  EXPECT_NE(answer.body.find("third:" + std::to_string(value)), std::string::npos) << answer.body;
}

TEST_F(Unsealed, StoredRecordOfAnotherActivationIsShown) {
  const Answer mine = call();
  (void)call();
  attack("other-record");
  const Answer shown = client->api("GET", "activations/" + activation(mine));
  EXPECT_TRUE(logged("applied other-record"));
  EXPECT_EQ(shown.status, 200u);
  EXPECT_NE(shown.body.find("trace"), std::string::npos) << shown.body.substr(0, 300);
  EXPECT_EQ(shown.body.find(activation(mine)), std::string::npos) << shown.body.substr(0, 300);
}

TEST_F(Unsealed, StoredRecordIsChangedAndRolledBack) {
  const std::string id = finished_in_background("chain");
  attack("edit-record");
  EXPECT_NE(client->api("GET", "activations/" + id).body.find("forge:"), std::string::npos);
  attack("older-record");
  const Answer old = client->api("GET", "activations/" + id);
  EXPECT_EQ(old.status, 200u);
  EXPECT_EQ(old.body.find("first:"), std::string::npos) << old.body.substr(0, 300);
}

// ReceiptsAlone: nothing is sealed, but the gateway still checks receipts, so they alone can refuse what
// SplicedReceiptsAreTaken shows to pass without that check.
class ReceiptsAlone : public HostileTest {
 protected:
  static void SetUpTestSuite() {
    start({.images = {{"gateway.sgx", "images/insecure_gateway_receipts.sgx"}},
           .trace = "insecure_test_trace",
           .trace_of_second = "insecure_test_trace"});
  }
  static void TearDownTestSuite() { end(); }
};

TEST_F(ReceiptsAlone, SplicedReceiptsAreRefused) { expect_stopped("splice-answer", 0, ""); }

// Nor is an event an end, or another activation's record this one's, only because it can be read.
TEST_F(ReceiptsAlone, EventIsNoEarlyEnd) { expect_stopped("event-as-end", 0, ""); }

TEST_F(ReceiptsAlone, StoredRecordOfAnotherActivationIsNotShown) {
  const Answer mine = call();
  (void)call();
  attack("other-record");
  const std::string id(json::parse(mine.body).at("activationId").as_string());
  const Answer shown = client->api("GET", "activations/" + id);
  EXPECT_TRUE(logged("applied other-record"));
  EXPECT_NE(shown.status, 200u) << shown.body.substr(0, 300);
}

// SecondAnswers: nothing is sealed, and the gateway does not count answers.
class SecondAnswers : public HostileTest {
 protected:
  static void SetUpTestSuite() {
    start({.images = {{"gateway.sgx", "images/insecure_gateway_second.sgx"}},
           .trace = "insecure_test_trace",
           .trace_of_second = "insecure_test_trace"});
  }
  static void TearDownTestSuite() { end(); }
};

TEST_F(SecondAnswers, SecondAnswerReplacesTheFirst) {
  attack("second-answer");
  const Answer answer = call();
  EXPECT_TRUE(logged("applied second-answer"));
  const std::string id(json::parse(answer.body).at("activationId").as_string());
  const Answer record = client->api("GET", "activations/" + id);
  EXPECT_EQ(record.status, 200u);
  EXPECT_NE(record.body.find("third:"), std::string::npos) << record.body;
  EXPECT_EQ(record.body.find("third:" + std::to_string(value)), std::string::npos) << record.body;
}

// AnyKeyService: all is sealed and checked; only the gateway takes any key service for the one that it knows.
class AnyKeyService : public HostileTest {
 protected:
  static void SetUpTestSuite() {
    start({.images = {{"gateway.sgx", "images/insecure_gateway_identity.sgx"}}});
  }
  static void TearDownTestSuite() { end(); }
};

TEST_F(AnyKeyService, KeyServiceOfTheHostMakesHimAUser) {
  Client host = platform->client_of(kHostUuid + ":" + kHostKey);
  ASSERT_EQ(host.api("GET", "actions").status, 401u);
  attack("gateway-fake-kms");
  for (int i = 0; i < 300 && host.api("GET", "actions").status != 200; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until the gateway asks again
  EXPECT_EQ(host.api("GET", "actions/chain").status, 200u);
  EXPECT_TRUE(logged("applied gateway-fake-kms"));
}

// KeysForAll: all is sealed and checked; only the key service gives keys and sessions to whoever asks.
class KeysForAll : public HostileTest {
 protected:
  static void SetUpTestSuite() { start({.images = {{"kms.sgx", "images/insecure_kms.sgx"}}}); }
  static void TearDownTestSuite() { end(); }
};

TEST_F(KeysForAll, WrongImageAnswers) {
  (void)call("plain");
  expect_wrong_answer("wrong-image", 0, "first");
}

TEST_F(KeysForAll, OldRevisionRuns) {
  ASSERT_TRUE(right("twin"));
  platform->deploy("twin", "test_trace", R"([{"key":"label","value":"twin"},{"key":"new","value":1}])");
  ASSERT_TRUE(right("twin"));
  expect_ran("old-revision", 0, "twin");
}

TEST_F(KeysForAll, RepeatedQuestionIsAnswered) { expect_ran("kms-repeat-question"); }

}  // namespace
}  // namespace clemmys::testing
