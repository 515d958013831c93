// evidence_test.cc: the user's decision whom to trust, with genuine quotes under a throw-away software root:
// one test per refusal.
#include "cli/evidence.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "attest/collateral.h"
#include "attest/testing/test_attester.h"
#include "cli/outcome.h"
#include "crypto/base64.h"
#include "crypto/crypto.h"
#include "wire/kms_api.h"

namespace clemmys::cli {
namespace {

class TrustAdd : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(crypto::initialize()); }

  // evidence of a key service with `identity`, for nonce_.
  Evidence evidence(const attest::testing::TestIdentity& identity) {
    Evidence made{.authority_der = to_bytes("authority"),
                  .root_policy = "version: 1\n",
                  .collateral = attest::collateral_to_json(root_.collateral())};
    const auto report = wire::kms_report_data(crypto::sha256(made.authority_der),
                                              crypto::sha256(as_bytes(made.root_policy)), nonce_.view());
    made.quote = *root_.attester(identity)->evidence(*attest::ReportData::from(report.view()));
    return made;
  }
  Expectation software() const {
    return {.insecure_accept_software_sgx = true, .software_root_der = root_.trust().software_root_der};
  }
  Result<VerifiedEvidence> verify(const Evidence& given, const Expectation& expectation) {
    return verify_evidence(given, nonce_, expectation, root_.now_unix_s());
  }
  static void expect_refused(const Result<VerifiedEvidence>& result, std::string_view site) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().site, site);
    EXPECT_EQ(exit_code(result.error()), ExitCode::kNotTrusted);
  }

  attest::testing::TestRoot root_;
  Nonce32 nonce_{.bytes = {1, 2, 3}};
  const attest::testing::TestIdentity kms_{.measurement = {.bytes = {7}}, .signer = {.bytes = {8}}};
};

TEST_F(TrustAdd, AcceptsAFreshQuoteOfTheExpectedKeyService) {
  Expectation expectation = software();
  expectation.kms = {kms_.measurement};
  const auto verified = verify(evidence(kms_), expectation);
  ASSERT_TRUE(verified) << to_string(verified.error());
  EXPECT_EQ(verified->kms.measurement, kms_.measurement);
  EXPECT_TRUE(verified->measurement_was_expected);
}

TEST_F(TrustAdd, RefusesSoftwareSgxUnlessItWasAccepted) {
  expect_refused(verify(evidence(kms_), {}), "cli.trust.quote");
}

TEST_F(TrustAdd, RefusesAnotherSoftwareRootThanThePinnedOne) {
  const attest::testing::TestRoot other;
  Expectation expectation = software();
  expectation.software_root_der = other.trust().software_root_der;
  expect_refused(verify(evidence(kms_), expectation), "cli.trust.quote");
}

TEST_F(TrustAdd, RefusesADebugEnclave) {
  auto debug = kms_;
  debug.debug = true;
  EXPECT_FALSE(verify(evidence(debug), software()));
}

TEST_F(TrustAdd, RefusesAnUnexpectedMeasurement) {
  Expectation expectation = software();
  expectation.kms = {Measurement{.bytes = {9}}};
  expect_refused(verify(evidence(kms_), expectation), "cli.trust.measurement");
}

TEST_F(TrustAdd, RefusesAReplayedQuote) {
  const Evidence old = evidence(kms_);
  nonce_.bytes[0] ^= 1;
  expect_refused(verify(old, software()), "cli.trust.binding");
}

TEST_F(TrustAdd, RefusesAnotherAuthorityThanTheQuotedOne) {
  Evidence forged = evidence(kms_);
  forged.authority_der = to_bytes("mine");
  expect_refused(verify(forged, software()), "cli.trust.binding");
}

TEST_F(TrustAdd, RefusesAnotherRootPolicyThanTheQuotedOne) {
  Evidence forged = evidence(kms_);
  forged.root_policy += "insecure: true\n";
  expect_refused(verify(forged, software()), "cli.trust.binding");
}

TEST_F(TrustAdd, RefusesAChangedQuote) {
  Evidence forged = evidence(kms_);
  forged.quote[100] ^= 1;
  expect_refused(verify(forged, software()), "cli.trust.quote");
}

TEST_F(TrustAdd, RefusesARootPolicyThatChangedSinceTheLastCheck) {
  Expectation expectation = software();
  expectation.root_policy = Digest{};
  expect_refused(verify(evidence(kms_), expectation), "cli.trust.root_policy");
}

TEST_F(TrustAdd, RefusesAnswersThatAreNotEvidence) {
  for (const char* body :
       {"", "[]", "{}", "nonsense", R"({"quote":1,"ca_certificate":"","root_policy":"","collateral":""})",
        R"({"quote":"*","ca_certificate":"","root_policy":"","collateral":""})"}) {
    const auto parsed = evidence_from_json(as_bytes(body));
    ASSERT_FALSE(parsed) << body;
    EXPECT_EQ(exit_code(parsed.error()), ExitCode::kNotTrusted);
  }
}

}  // namespace
}  // namespace clemmys::cli
