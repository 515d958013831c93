// service_test.cc: users, updates, restarts, root policies and evidence, through a gateway's session.
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "attest/openssl_types.h"
#include "kms/testing/service_fixture.h"

namespace clemmys::kms {
namespace {

using namespace testing;  // NOLINT: the KMS's own testing namespace
using Definitions = KmsTest;

TEST_F(Definitions, AClaimWorksOnceAndOnlyWithItsToken) {
  EXPECT_EQ(gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", "guess"})).error().code,
            ErrorCode::kDenied);
  const auto user = *wire::decode_new_user(
      *gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", token_})));
  EXPECT_EQ(user.key.size(), 64u);
  EXPECT_EQ(gateway_->request(wire::GatewayRequest(wire::ClaimNamespace{"photos", token_})).error().code,
            ErrorCode::kDenied);
  const auto view = *gateway_->view(wire::GetView{0});
  ASSERT_EQ(view.users.size(), 1u);
  EXPECT_EQ(view.users[0].uuid, user.uuid);
  EXPECT_EQ(view.users[0].key_digest, crypto::sha256(as_bytes(user.key)));
  EXPECT_EQ(refusal(ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("photos"))),
            "exists kms.namespace.exists");
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
  EXPECT_EQ(refusal(put(native_action("photos", "none", kScale), 3)),
            "not_found The requested resource does not exist.");
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

// signing_request is a PKCS #10 request of a fresh key.
Bytes signing_request() {
  const attest::ossl::Pkey key(EVP_EC_gen("P-256"));
  const attest::ossl::Owner<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  X509_REQ_set_pubkey(request.get(), key.get());
  X509_REQ_sign(request.get(), key.get(), EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

TEST_F(Definitions, CertifiesOnlyAGatewayThatKnowsTheCurrentState) {
  const wire::GatewayRequest request(wire::SignCsr{signing_request()});
  EXPECT_EQ(refusal(gateway_->request(request)), "conflict kms.csr.stale_view");
  ASSERT_TRUE(gateway_->view(wire::GetView{0}));
  EXPECT_TRUE(gateway_->request(request));
  auto other = *connect(wire::Role::kGateway, kGatewayImage);
  ASSERT_TRUE(other.view(wire::PutAction{native_action("photos", "scale", kScale), 0}));
  EXPECT_EQ(refusal(gateway_->request(request)), "conflict kms.csr.stale_view");
  ASSERT_TRUE(gateway_->view(wire::GetView{0}));
  EXPECT_TRUE(gateway_->request(request));
}

TEST_F(Definitions, ACertificateForLaterMovesTheClockForGood) {
  const std::uint64_t late = world_.clock->unix_ms() + 30ull * 24 * 3'600'000;
  ASSERT_TRUE(gateway_->view(wire::GetView{0}));
  world_.clock->set_ms(late);
  ASSERT_TRUE(gateway_->request(wire::GatewayRequest(wire::SignCsr{signing_request()})));
  service_.reset();
  world_.clock->set_ms(late - 30ull * 24 * 3'600'000);
  service_ = *world_.start();
  EXPECT_GE(wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}))->unix_ms, late);
}

TEST_F(Definitions, EvidenceNamesAuthorityPolicyAndTheClientsNonce) {
  const Bytes nonce(32, 7);
  const auto evidence = *wire::decode_evidence(*ask(*service_, wire::KmsFrame::kEvidence, nonce));
  const auto identity = *attest::verify_quote(evidence.quote, world_.root.collateral(), world_.root.trust(),
                                              world_.root.now_unix_s());
  EXPECT_EQ(identity.measurement, kKmsImage);
  const auto expected = wire::kms_report_data(crypto::sha256(evidence.ca_certificate_der),
                                              crypto::sha256(evidence.root_policy), nonce);
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
