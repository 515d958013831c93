// admission_test.cc: who gets a session, judged by the real verifier on genuine evidence under a throw-away
// root.
#include "kms/testing/service_fixture.h"

namespace clemmys::kms {
namespace {

using namespace testing;  // NOLINT: the KMS's own testing namespace
using Session = KmsTest;

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

TEST_F(Session, RefusesRightsAndStateThatTheMeasurementDoesNotCover) {
  const auto connect_as = [&](std::uint64_t attributes, std::uint64_t xfrm) {
    attest::testing::TestIdentity identity{.measurement = kGatewayImage, .signer = {}};
    identity.more_attributes = attributes;
    identity.xfrm = xfrm;
    return refusal(Client::connect(world_, *service_, wire::Role::kGateway, identity));
  };
  EXPECT_EQ(connect_as(sgx::kAttributeProvisionKey, 7), "denied kms.admission.attributes");
  EXPECT_EQ(connect_as(std::uint64_t{1} << 40, 7), "denied kms.admission.attributes");
  EXPECT_EQ(connect_as(0, 0xe7), "denied kms.admission.attributes");
  EXPECT_EQ(connect_as(sgx::kAttributeKss, 7), "accepted");
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
  EXPECT_TRUE(ask(*service_, wire::KmsFrame::kHello,
                  *world_.hello(late, {.measurement = kGatewayImage, .signer = {}})));
  world_.clock->advance_ms(60'000);
  ASSERT_TRUE(ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient in_time(wire::Role::kGateway, previous);
  EXPECT_TRUE(ask(*service_, wire::KmsFrame::kHello,
                  *world_.hello(in_time, {.measurement = kGatewayImage, .signer = {}})));
  wire::SessionClient too_late(wire::Role::kGateway, oldest);
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello,
                        *world_.hello(too_late, {.measurement = kGatewayImage, .signer = {}}))),
            "denied kms.nonce.unknown");
}

TEST_F(Session, RefusesANonceOfAnotherKms) {
  crypto::Ed25519KeyPair other = crypto::ed25519_from_seed(crypto::random_key());
  wire::SessionClient client(wire::Role::kGateway, wire::make_nonce(other, world_.clock->unix_ms()));
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello,
                        *world_.hello(client, {.measurement = kGatewayImage, .signer = {}}))),
            "denied kms.nonce.unknown");
}

TEST_F(Session, RefusesEvidenceForAnotherKeyOrRole) {
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient genuine(wire::Role::kGateway, nonce);
  auto hello = *wire::decode_hello(*world_.hello(genuine, {.measurement = kGatewayImage, .signer = {}}));
  auto other_key = hello;
  other_key.client.bytes[3] ^= 1;
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, wire::encode(other_key))),
            "denied kms.admission.report_data");
  auto other_role = hello;
  other_role.role = wire::Role::kFunction;
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, wire::encode(other_role))),
            "denied kms.admission.report_data");
}

TEST_F(Session, RefusesEvidenceOfAnotherRoot) {
  const attest::testing::TestRoot foreign;
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  wire::SessionClient client(wire::Role::kGateway, nonce);
  Bytes quote = *foreign.attester({.measurement = kGatewayImage, .signer = {}})
                     ->evidence(attest::ReportData{client.report_data().bytes});
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kHello, client.hello(std::move(quote)))),
            "denied kms.admission.evidence");
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
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kMessage, message)),
            "unauthenticated kms.message.session");
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

}  // namespace
}  // namespace clemmys::kms
