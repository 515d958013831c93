// service_test.cc: sessions and key release, against the real verifier and genuine evidence under a throw-away root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kms/testing/test_kms.h"

namespace clemmys::kms {
namespace {

using namespace testing;  // NOLINT: the KMS's own testing namespace
using attest::testing::TestIdentity;

constexpr Measurement kScale{{1}}, kDetect{{2}}, kUnknown{{9}};

template <typename T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : std::string(name(result.error().code)) + " " + result.error().detail;
}

class KmsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = world_.start();
    ASSERT_TRUE(started) << to_string(started.error());
    service_ = std::move(*started);
    gateway_.emplace(*connect(wire::Role::kGateway, kGatewayImage));
    token_ = std::string(as_text(*ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("photos"))));
  }
  Result<Client> connect(wire::Role role, const Measurement& image, bool debug = false) {
    return Client::connect(world_, *service_, role, {.measurement = image, .signer = {}, .debug = debug});
  }
  Result<wire::View> put(const wire::Action& action, std::uint64_t expected = 0) {
    return gateway_->view(wire::PutAction{action, expected});
  }
  wire::Chain chain_of(const std::string& action) {
    const auto view = gateway_->view(wire::GetView{0});
    for (const wire::Action& one : view->actions) {
      if (one.name != action) continue;
      for (std::size_t i = 0; i < view->chains.size(); ++i) {
        if (view->chains[i].id == one.chain) return copy(view->chains[i]);
      }
    }
    return {};
  }
  static wire::Chain copy(const wire::Chain& chain) {
    wire::Chain result{chain.id, chain.namespace_id, chain.namespace_name, chain.digest, chain.steps,
                       chain.first_edge.copy(), chain.last_edge.copy(), {}, chain.revision, chain.retired_unix_ms};
    for (const Key& key : chain.return_keys) result.return_keys.push_back(key.copy());
    return result;
  }
  void deploy_pair() {
    ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
    ASSERT_TRUE(put(native_action("photos", "detect", kDetect)));
    ASSERT_TRUE(put(sequence_action("photos", "both", {"/photos/scale", "/_/detect"})));
  }
  static wire::GetStepKeys request(const wire::Chain& chain, std::uint16_t step) {
    return {chain.id, chain.digest, step, chain.steps.at(step).function};
  }

  World world_;
  std::unique_ptr<Service> service_;
  std::optional<Client> gateway_;
  std::string token_;
};

using Session = KmsTest;
using KeyRelease = KmsTest;
using Definitions = KmsTest;

TEST_F(Session, RefusesUnknownMeasurement) {
  EXPECT_EQ(refusal(connect(wire::Role::kGateway, kUnknown)), "denied kms.admission.measurement");
  EXPECT_EQ(refusal(connect(wire::Role::kFunction, kUnknown)), "denied kms.admission.measurement");
}

TEST_F(Session, RefusesAGatewayImageAsAFunction) {
  EXPECT_EQ(refusal(connect(wire::Role::kFunction, kGatewayImage)), "denied kms.admission.measurement");
}

TEST_F(Session, RefusesDebugEnclave) {
  EXPECT_EQ(refusal(connect(wire::Role::kGateway, kGatewayImage, true)), "denied kms.admission.debug");
}

TEST_F(Session, RefusesStaleNonce) {
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient client(wire::Role::kGateway, nonce);
  const Bytes hello = *world_.hello(client, {.measurement = kGatewayImage, .signer = {}});
  world_.clock->advance_ms(120'001);
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, hello)), "denied kms.nonce.stale");
}

TEST_F(Session, AcceptsThePreviousNonceAndRefusesTheOneBefore) {
  const auto oldest = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  world_.clock->advance_ms(60'000);
  const auto previous = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient late(wire::Role::kGateway, oldest);
  EXPECT_TRUE(ask(*service_, wire::KmsFrame::kHello, *world_.hello(late, {.measurement = kGatewayImage, .signer = {}})));
  world_.clock->advance_ms(60'000);
  ASSERT_TRUE(ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient in_time(wire::Role::kGateway, previous);
  EXPECT_TRUE(ask(*service_, wire::KmsFrame::kHello, *world_.hello(in_time, {.measurement = kGatewayImage, .signer = {}})));
  wire::SessionClient too_late(wire::Role::kGateway, oldest);
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, *world_.hello(too_late, {.measurement = kGatewayImage, .signer = {}}))),
            "denied kms.nonce.unknown");
}

TEST_F(Session, RefusesANonceOfAnotherKms) {
  crypto::Ed25519KeyPair other = crypto::ed25519_from_seed(crypto::random_key());
  wire::SessionClient client(wire::Role::kGateway, wire::make_nonce(other, world_.clock->unix_ms()));
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, *world_.hello(client, {.measurement = kGatewayImage, .signer = {}}))),
            "denied kms.nonce.unknown");
}

TEST_F(Session, RefusesEvidenceForAnotherKeyOrRole) {
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient genuine(wire::Role::kGateway, nonce);
  auto hello = *wire::decode_hello(*world_.hello(genuine, {.measurement = kGatewayImage, .signer = {}}));
  auto other_key = hello;
  other_key.client.bytes[3] ^= 1;
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, wire::encode(other_key))), "denied kms.admission.report_data");
  auto other_role = hello;
  other_role.role = wire::Role::kFunction;
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, wire::encode(other_role))), "denied kms.admission.report_data");
}

TEST_F(Session, RefusesEvidenceOfAnotherRoot) {
  const attest::testing::TestRoot foreign;
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient client(wire::Role::kGateway, nonce);
  Bytes quote = *foreign.attester({.measurement = kGatewayImage, .signer = {}})->evidence(attest::ReportData{client.report_data().bytes});
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, client.hello(std::move(quote)))), "denied kms.admission.evidence");
}

TEST_F(Session, RefusesReplayedMessage) {
  const Bytes message = gateway_->seal(wire::encode(wire::GatewayRequest(wire::GetView{0})));
  ASSERT_TRUE(gateway_->send(message));
  EXPECT_FALSE(ask(*service_, wire::KmsFrame::kMessage, message));
}

TEST_F(Session, RefusesChangedMessageAndUnknownSession) {
  Bytes message = gateway_->seal(wire::encode(wire::GatewayRequest(wire::GetView{0})));
  message.back() ^= 1;
  EXPECT_FALSE(ask(*service_, wire::KmsFrame::kMessage, message));
  message[0] ^= 1;
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kMessage, message)), "unauthenticated kms.message.session");
}

TEST_F(Session, AFunctionCannotAskAsAGateway) {
  deploy_pair();
  auto function = *connect(wire::Role::kFunction, kScale);
  EXPECT_FALSE(function.request(wire::GatewayRequest(wire::GetView{0})));
}

TEST_F(Session, SurvivesGarbageOfEveryFrameType) {
  for (int type = 0; type < 256; ++type) {
    for (const std::size_t size : {0u, 1u, 15u, 16u, 40u, 1000u}) {
      (void)ask(*service_, static_cast<wire::KmsFrame>(type), Bytes(size, 0x5a));
    }
  }
  EXPECT_TRUE(gateway_->view(wire::GetView{0}));
}

TEST_F(KeyRelease, GivesNeighboursTheSameEdgeKeyAndTheGatewayBothEnds) {
  deploy_pair();
  const auto chain = chain_of("both");
  auto scale = *connect(wire::Role::kFunction, kScale);
  auto detect = *connect(wire::Role::kFunction, kDetect);
  const auto first = *wire::decode_step_keys(*scale.request(wire::FunctionRequest(request(chain, 0))));
  const auto second = *wire::decode_step_keys(*detect.request(wire::FunctionRequest(request(chain, 1))));
  EXPECT_TRUE(first.edge_in == chain.first_edge);
  EXPECT_TRUE(first.edge_out == second.edge_in);
  EXPECT_FALSE(first.edge_in == first.edge_out);
  EXPECT_TRUE(second.edge_out == chain.last_edge);
  EXPECT_TRUE(first.return_key == chain.return_keys.at(0));
  EXPECT_EQ(first.in.receiver, chain.steps[0].function);
  EXPECT_EQ(first.out, second.in);
  EXPECT_EQ(second.out.kind, wire::Kind::kResult);
  EXPECT_EQ(second.out.step, 2);
  EXPECT_EQ(first.namespace_name, "photos");
  EXPECT_EQ(first.action_name, "scale");
}

TEST_F(KeyRelease, RefusesWrongStepFunctionChainAndDigest) {
  deploy_pair();
  const auto chain = chain_of("both");
  auto scale = *connect(wire::Role::kFunction, kScale);
  auto wrong = request(chain, 0);
  wrong.step = 2;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "denied kms.release.step");
  wrong = request(chain, 0);
  wrong.step = 1;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "denied kms.release.function");
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(request(chain, 1)))), "denied kms.release.measurement");
  wrong = request(chain, 0);
  wrong.chain.bytes[0] ^= 1;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "not_found kms.release.chain");
  wrong = request(chain, 0);
  wrong.chain_digest.bytes[0] ^= 1;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "denied kms.release.digest");
}

TEST_F(KeyRelease, RefusesSecondAssignment) {
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  ASSERT_TRUE(put(native_action("photos", "twin", kScale)));  // the same image as another function
  auto instance = *connect(wire::Role::kFunction, kScale);
  ASSERT_TRUE(instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
  EXPECT_EQ(refusal(instance.request(wire::FunctionRequest(request(chain_of("twin"), 0)))), "denied kms.release.assignment");
  EXPECT_TRUE(instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
}

TEST_F(KeyRelease, RefusesAnotherNamespaceOnTheSameInstance) {
  ASSERT_TRUE(ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("other")));
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  ASSERT_TRUE(put(native_action("other", "copy", kScale)));
  auto instance = *connect(wire::Role::kFunction, kScale);
  ASSERT_TRUE(instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
  EXPECT_EQ(refusal(instance.request(wire::FunctionRequest(request(chain_of("copy"), 0)))), "denied kms.release.assignment");
}

TEST_F(KeyRelease, RefusesARetiredChainWhileGatewaysStillSeeIt) {
  deploy_pair();
  const auto chain = chain_of("both");
  auto scale = *connect(wire::Role::kFunction, kScale);
  const auto detect = gateway_->view(wire::GetView{0});
  std::uint64_t revision = 0;
  for (const auto& action : detect->actions) revision = action.name == "detect" ? action.revision : revision;
  const auto changed = put(native_action("photos", "detect", kDetect), revision);
  ASSERT_TRUE(changed) << refusal(changed);
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(request(chain, 0)))), "denied kms.release.retired");
  const auto view = *gateway_->view(wire::GetView{0});
  const auto old = std::ranges::find(view.chains, chain.id, &wire::Chain::id);
  ASSERT_NE(old, view.chains.end());
  EXPECT_NE(old->retired_unix_ms, 0u);
  EXPECT_NE(chain_of("both").id, chain.id);
  world_.clock->advance_ms(60'000 + 2 * 60'000 + 1);
  const auto later = *gateway_->view(wire::GetView{0});
  EXPECT_EQ(std::ranges::find(later.chains, chain.id, &wire::Chain::id), later.chains.end());
}

TEST_F(KeyRelease, AnImageIsRefusedOnceNoActionRunsIt) {
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  ASSERT_TRUE(connect(wire::Role::kFunction, kScale));
  ASSERT_TRUE(gateway_->view(wire::DeleteAction{"photos", "", "scale", 0}));
  EXPECT_EQ(refusal(connect(wire::Role::kFunction, kScale)), "denied kms.admission.measurement");
}

TEST_F(KeyRelease, MergesParametersIntoOneObject) {
  auto action = native_action("photos", "scale", kScale);
  action.parameters_json = R"([{"key":"width","value":10},{"key":"o","value":{"a":[1]}},{"key":"width","value":20,"init":true}])";
  ASSERT_TRUE(put(action));
  auto instance = *connect(wire::Role::kFunction, kScale);
  const auto keys = *wire::decode_step_keys(*instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
  EXPECT_EQ(keys.parameters_json, R"({"width":20,"o":{"a":[1]}})");
  EXPECT_EQ(keys.parameters_digest, crypto::sha256(as_bytes(keys.parameters_json)));
}

TEST_F(KeyRelease, StopsWhenAnotherInstanceTookOver) {
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  const auto chain = chain_of("scale");
  auto instance = *connect(wire::Role::kFunction, kScale);
  const auto clone = world_.start();  // a second KMS on the same disk
  ASSERT_TRUE(clone);
  EXPECT_EQ(refusal(instance.request(wire::FunctionRequest(request(chain, 0)))).substr(0, 8), "conflict");
}

TEST_F(Definitions, AClaimWorksOnceAndOnlyWithItsToken) {
  EXPECT_EQ(gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", "guess"})).error().code, ErrorCode::kDenied);
  const auto user = *wire::decode_new_user(*gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", token_})));
  EXPECT_EQ(user.key.size(), 64u);
  EXPECT_EQ(gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", token_})).error().code, ErrorCode::kDenied);
  const auto view = *gateway_->view(wire::GetView{0});
  ASSERT_EQ(view.users.size(), 1u);
  EXPECT_EQ(view.users[0].uuid, user.uuid);
  EXPECT_EQ(view.users[0].key_digest, crypto::sha256(as_bytes(user.key)));
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("photos"))), "exists kms.namespace.exists");
}

TEST_F(Definitions, AnUpdateNeedsTheCurrentRevisionAndBumpsTheVersion) {
  const auto made = *put(native_action("photos", "scale", kScale));
  EXPECT_EQ(refusal(put(native_action("photos", "scale", kScale))), "exists resource already exists");
  EXPECT_EQ(refusal(put(native_action("photos", "scale", kScale), made.revision + 7)),
            "conflict Concurrent modification to resource detected.");
  const auto updated = *put(native_action("photos", "scale", kScale), made.actions.at(0).revision);
  EXPECT_EQ(made.actions.at(0).version, "0.0.1");
  EXPECT_EQ(updated.actions.at(0).version, "0.0.2");
  EXPECT_NE(updated.actions.at(0).function, made.actions.at(0).function);
  EXPECT_EQ(refusal(put(native_action("photos", "none", kScale), 3)), "not_found The requested resource does not exist.");
}

TEST_F(Definitions, ARestartKeepsEverything) {
  deploy_pair();
  ASSERT_TRUE(gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", token_})));
  const Bytes before = *gateway_->request(wire::GatewayRequest(wire::GetView{0}));
  const Bytes ca = service_->ca_certificate_der();
  service_.reset();
  auto restarted = world_.start();
  ASSERT_TRUE(restarted) << to_string(restarted.error());
  service_ = std::move(*restarted);
  gateway_.emplace(*connect(wire::Role::kGateway, kGatewayImage));
  auto after = *wire::decode_view(*gateway_->request(wire::GatewayRequest(wire::GetView{0})));
  --after.revision;  // the start itself is a record
  EXPECT_EQ(wire::encode(after), before);
  EXPECT_EQ(service_->ca_certificate_der(), ca);
}

TEST_F(Definitions, AnotherRootPolicyHasAnotherAuthorityAndLocksOldNamespaces) {
  deploy_pair();
  const auto chain = chain_of("scale");
  const Bytes ca = service_->ca_certificate_der();
  const std::string policy = world_.policy;
  service_.reset();
  world_.policy += "# changed\n";
  service_ = *world_.start();
  gateway_.emplace(*connect(wire::Role::kGateway, kGatewayImage));
  EXPECT_NE(service_->ca_certificate_der(), ca);
  const auto view = *gateway_->view(wire::GetView{0});
  EXPECT_TRUE(view.namespaces.empty() && view.actions.empty() && view.chains.empty());
  auto function = *connect(wire::Role::kFunction, kScale);
  EXPECT_EQ(refusal(function.request(wire::FunctionRequest(request(chain, 0)))), "denied kms.release.locked");
  EXPECT_EQ(put(native_action("photos", "more", kScale)).error().code, ErrorCode::kDenied);
  service_.reset();
  world_.policy = policy;
  service_ = *world_.start();
  EXPECT_EQ(service_->ca_certificate_der(), ca);
}

TEST_F(Definitions, TimeNeverGoesBack) {
  const std::uint64_t late = world_.clock->unix_ms() + 3'000'000;
  world_.clock->set_ms(late);
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  service_.reset();
  world_.clock->set_ms(late - 1'000'000);
  service_ = *world_.start();
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  EXPECT_GE(nonce.unix_ms, late);
}

TEST_F(Definitions, EvidenceNamesAuthorityPolicyAndTheClientsNonce) {
  const Bytes nonce(32, 7);
  const auto evidence = *wire::decode_evidence(*ask(*service_, wire::KmsFrame::kEvidence, nonce));
  const auto identity = *attest::verify_quote(evidence.quote, world_.root.collateral(), world_.root.trust(), world_.root.now_unix_s());
  EXPECT_EQ(identity.measurement, kKmsImage);
  const auto expected = wire::kms_report_data(crypto::sha256(evidence.ca_certificate_der), crypto::sha256(evidence.root_policy), nonce);
  EXPECT_EQ(identity.report_data.bytes, expected.bytes);
  EXPECT_EQ(as_text(evidence.root_policy), world_.policy);
  EXPECT_FALSE(ask(*service_, wire::KmsFrame::kEvidence, Bytes(31, 7)));
}

TEST_F(Definitions, RefusesToServeUnderAPolicyThatNamesAnotherImage) {
  service_.reset();
  world_.attester = world_.root.attester({.measurement = kUnknown, .signer = {}});
  EXPECT_EQ(world_.start().error().site, "kms.start.image");
}

}  // namespace
}  // namespace clemmys::kms
