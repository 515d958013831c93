// The table of attacks of README.md, against real enclaves: each test moves the hand in hostile_node, sends a
// request, and expects that the client never takes a wrong answer for a right one, that whoever should refuse
// did, and that honest requests work afterwards.
#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "host_user.h"
#include "hostile_platform.h"
#include "wire/kms_api.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;

// The frames of a fresh instance's way to its keys, one after the other.
constexpr long kNonce = static_cast<long>(wire::KmsFrame::kNonce),
               kHello = static_cast<long>(wire::KmsFrame::kHello),
               kMessage = static_cast<long>(wire::KmsFrame::kMessage);

class Hostile : public HostileTest {
 protected:
  static void SetUpTestSuite() { start({}); }
  static void TearDownTestSuite() { end(); }
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

// Each as it is, and with the header that the instance expects.
TEST_F(Hostile, SkippedStepIsRefused) {
  expect_stopped("skip", 0, "refused denied runtime.step.receiver");
  expect_stopped("skip-relabelled", 0, "refused corrupt");
}

TEST_F(Hostile, StepTwiceInARowIsRefused) {
  expect_stopped("again", 0, "refused denied runtime.step.receiver");
  expect_stopped("again-relabelled", 0, "refused corrupt");
}

TEST_F(Hostile, OutputSentBackwardsIsRefused) {
  expect_stopped("back", 0, "refused denied runtime.step.receiver");
  expect_stopped("back-relabelled", 0, "refused corrupt");
}

TEST_F(Hostile, OtherReceiverIsRefused) {
  ASSERT_TRUE(right("twin"));
  expect_stopped("other-function", 0, "refused denied runtime.step.receiver", "second");
  // The instance takes itself for the receiver, and asks for keys: they are of a step that is not its own.
  expect_stopped("other-function-relabelled", 0, "refused denied", "second");
}

TEST_F(Hostile, InstanceOfAnotherTenantIsRefused) {
  const std::string key = platform->add_namespace("tenant");
  Platform::deploy(platform->client_of(key), "theirs", "test_trace", R"([{"key":"label","value":"theirs"}])");
  Client tenant = platform->client_of(key);
  const auto call_theirs = [&] {
    return tenant.api("POST", "actions/theirs?blocking=true", R"({"value":1})").status;
  };
  ASSERT_EQ(call_theirs(), 200u);
  expect_stopped("other-function", 0, "refused denied runtime.step.receiver", "first");
  attack("");
  ASSERT_EQ(call_theirs(), 200u);
  expect_stopped("other-function-relabelled", 0, "refused denied", "first");
}

TEST_F(Hostile, RevokedImageGetsNoSession) {
  platform->deploy("gone", "example_checksum");
  (void)call("gone");
  ASSERT_EQ(client->api("DELETE", "actions/gone").status, 200u);
  expect_stopped("wrong-image", 0, "ended", "first");
  EXPECT_NE(read_text(file("logs/kms.log")).find("kms.admission.measurement"), std::string::npos);
}

TEST_F(Hostile, OtherImageOrLimitsAreRefused) {
  for (const long step : {0, 1, 2}) {
    expect_stopped("other-limits", step, "refused denied runtime.step.header_constants");
    expect_stopped("other-image", step, "refused denied runtime.step.header_constants");
  }
}

TEST_F(Hostile, InstanceThatIsToldToBeAnotherFunctionGetsNoKeys) {
  ASSERT_TRUE(right("twin"));
  expect_stopped("other-assignment", 0, "refused denied", "second");
}

TEST_F(Hostile, OldRevisionGetsNoKeys) {
  ASSERT_TRUE(right("twin"));
  platform->deploy("twin", "test_trace", R"([{"key":"label","value":"twin"},{"key":"new","value":1}])");
  ASSERT_TRUE(right("twin"));
  expect_stopped("old-revision", 0, "refused denied", "twin");
}

// What at-most-once actions are for; see docs/threat-model.md.
TEST_F(Hostile, ReplayInAnotherInstanceIsPossible) {
  ASSERT_TRUE(right("first"));
  expect_ran("replay-elsewhere", 0, "first");
}

// The host runs a step in two instances, and forwards the output that it likes best; in one instance it
// cannot (EnvelopeRunsOnceInAnInstance).
TEST_F(Hostile, ChoosingAmongOutputsOfTwoInstancesIsPossible) {
  attack("rerun-elsewhere");
  EXPECT_TRUE(is_right(call("first"), "first")) << log();
  EXPECT_TRUE(logged("applied rerun-elsewhere"));
  EXPECT_TRUE(logged("succeeded rerun-elsewhere")) << log();
}

TEST_F(Hostile, KeyServiceOfTheHostLearnsAndChangesNothing) {
  ASSERT_TRUE(right("first"));
  expect_stopped("fake-kms", 0, "refused corrupt", "first");
}

TEST_F(Hostile, ReplayedRequestIsRefused) {
  expect_stopped("replay", 0, "refused denied runtime.replay.seen");
}

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

TEST_F(Hostile, SplicedReceiptsAreRefused) {
  ASSERT_TRUE(right("chain"));
  expect_stopped("splice-answer", 0, "");
}

TEST_F(Hostile, EventIsNoEarlyEnd) { expect_stopped("event-as-end", 0, ""); }

TEST_F(Hostile, SecondAnswerChangesNothing) {
  ASSERT_TRUE(right("chain"));
  attack("second-answer");
  const Answer answer = call();
  EXPECT_TRUE(logged("applied second-answer"));
  EXPECT_TRUE(is_right(answer)) << answer.body.substr(0, 300);
  const std::string id(json::parse(answer.body).at("activationId").as_string());
  const Answer record = client->api("GET", "activations/" + id);
  EXPECT_NE(record.body.find("third:" + std::to_string(value)), std::string::npos) << record.body;
}

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
  const std::string id = finished_in_background("chain");
  attack("older-record");
  const Answer shown = client->api("GET", "activations/" + id);
  EXPECT_TRUE(logged("applied older-record"));
  EXPECT_NE(shown.status, 200u) << shown.body.substr(0, 300);
}

TEST_F(Hostile, ChangedRecordIsNotShown) {
  const Answer mine = call();
  const std::string id(json::parse(mine.body).at("activationId").as_string());
  attack("edit-record");
  const Answer shown = client->api("GET", "activations/" + id);
  EXPECT_TRUE(logged("applied edit-record"));
  EXPECT_NE(shown.status, 200u) << shown.body.substr(0, 300);
}

TEST_F(Hostile, WrongImageGetsNoKeys) {
  (void)call("plain");  // so that the host has another image at hand
  expect_stopped("wrong-image", 0, "refused");
}

TEST_F(Hostile, TamperedWayToTheKeyServiceGivesNoKeys) {
  expect_stopped("kms-flip-question", kHello, "ended");
  expect_stopped("kms-flip-question", kMessage, "refused denied runtime.keys.refused");
  expect_stopped("kms-flip-answer", kNonce, "ended");
  expect_stopped("kms-flip-answer", kHello, "ended");
  expect_stopped("kms-flip-answer", kMessage, "refused corrupt crypto.aes256gcm.tag");
}

TEST_F(Hostile, RepeatedQuestionToTheKeyServiceIsRefused) {
  attack("kms-repeat-question");
  EXPECT_TRUE(is_right(call()));
  EXPECT_TRUE(logged("refused kms-repeat-question"));
  EXPECT_FALSE(logged("succeeded"));
}

TEST_F(Hostile, OldAnswersOfTheKeyServiceGiveNoKeys) {
  expect_stopped("kms-old-answer", kHello, "ended");
  expect_stopped("kms-old-answer", kMessage, "refused corrupt wire.session.other_session");
}

// An instance is handed another chain's message, as no scheduler does, so that it asks a second time in its
// session; and then with the first answer once more.
TEST_F(Hostile, OldAnswerOfTheSameSessionGivesNoKeys) {
  ASSERT_TRUE(right("second"));
  attack("other-instance", 1);
  EXPECT_TRUE(is_right(call())) << log();
  EXPECT_TRUE(logged("applied other-instance"));
  attack("");
  platform->create_sequence("new", {"first", "second"});  // keys that the instance does not have
  attack("other-instance-old-keys", 1);
  const Answer answer = call("new");
  EXPECT_TRUE(logged("applied other-instance-old-keys"));
  EXPECT_TRUE(logged("refused corrupt wire.session.counter")) << log();
  EXPECT_NE(answer.status, 200u) << answer.body.substr(0, 300);
}

// What the gateway hears from the key service, too, passes the host.
TEST_F(Hostile, TamperedWayBetweenGatewayAndKeyServiceChangesNothing) {
  for (const std::string kind : {"flip-question", "flip-answer", "old-answer"}) {
    attack("gateway-kms-" + kind, kMessage);
    EXPECT_ANY_THROW(platform->deploy(kind, "test_print")) << kind;
    EXPECT_TRUE(logged("applied gateway-kms-" + kind));
    attack("");
    platform->deploy("after-" + kind, "test_print");
  }
  attack("gateway-kms-repeat-question");
  platform->deploy("repeated", "test_print");
  EXPECT_TRUE(logged("refused gateway-kms-repeat-question")) << log();
  EXPECT_FALSE(logged("succeeded"));
}

TEST_F(Hostile, GatewayAcceptsOneKeyServiceInItsLife) {
  attack("gateway-fake-kms");
  EXPECT_ANY_THROW(platform->deploy("faked", "test_print"));
  EXPECT_TRUE(right("chain"));  // under the view of the real one
  const auto refused_the_other = [] {
    return read_text(file("logs/gateway.log")).find("gateway.kms.other_identity") != std::string::npos;
  };
  for (int i = 0; i < 300 && !refused_the_other(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until it asks again
  EXPECT_TRUE(refused_the_other());
  EXPECT_EQ(platform->client_of(kHostUuid + ":" + kHostKey).api("GET", "actions").status, 401u);
  attack("");
  platform->deploy("faked", "test_print");
}

}  // namespace
}  // namespace clemmys::testing
