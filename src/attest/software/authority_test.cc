// The software root under the one verifier: accepted only where trust says so, and refused after every change
// of its documents.
#include "attest/software/authority.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <functional>

#include "attest/quote.h"
#include "attest/testing/test_attester.h"

namespace clemmys::attest {
namespace {

using testing::TestIdentity;
using testing::TestRoot;

constexpr std::uint64_t kNow = 1'800'000'000;

const TestRoot& test_root() {
  static const TestRoot root(kNow);
  return root;
}

Bytes quote_of(const TestIdentity& identity, const ReportData& data = {}) {
  return *test_root().attester(identity)->evidence(data);
}

TEST(SoftwareRoot, GivesTheIdentityThatWasQuoted) {
  TestIdentity wanted;
  wanted.measurement.bytes.fill(7);
  wanted.signer.bytes.fill(8);
  wanted.product_id = 9;
  wanted.security_version = 10;
  ReportData data;
  data.bytes[63] = 11;
  const auto identity =
      verify_quote(quote_of(wanted, data), test_root().collateral(), test_root().trust(), kNow);
  ASSERT_TRUE(identity.has_value()) << to_string(identity.error());
  EXPECT_EQ(identity->measurement, wanted.measurement);
  EXPECT_EQ(identity->signer, wanted.signer);
  EXPECT_EQ(identity->product_id, 9);
  EXPECT_EQ(identity->security_version, 10);
  EXPECT_EQ(identity->report_data, data);
  EXPECT_EQ(identity->root, Root::kSoftware);
  EXPECT_EQ(identity->tcb_status, TcbStatus::kUpToDate);
  EXPECT_FALSE(identity->debug);
}

TEST(SoftwareRoot, ReportsADebugEnclaveAsOne) {
  const auto identity =
      verify_quote(quote_of({.debug = true}), test_root().collateral(), test_root().trust(), kNow);
  ASSERT_TRUE(identity.has_value());
  EXPECT_TRUE(identity->debug);
}

TEST(SoftwareRoot, IsRefusedByDefault) {
  EXPECT_EQ(verify_quote(quote_of({}), test_root().collateral(), Trust{}, kNow).error().site,
            "attest.root.unknown");
}

TEST(SoftwareRoot, IsRefusedWhenPinnedButNotAccepted) {
  Trust trust = test_root().trust();
  trust.insecure_accept_software_sgx = false;
  EXPECT_EQ(verify_quote(quote_of({}), test_root().collateral(), trust, kNow).error().site,
            "attest.root.software");
}

TEST(SoftwareRoot, OfAnotherMachineIsRefused) {
  const TestRoot other(kNow);
  EXPECT_EQ(verify_quote(quote_of({}), test_root().collateral(), other.trust(), kNow).error().site,
            "attest.root.unknown");
  EXPECT_FALSE(verify_quote(quote_of({}), other.collateral(), test_root().trust(), kNow).has_value());
}

TEST(SoftwareRoot, IsRefusedWithoutAPin) {
  const Trust trust{.insecure_accept_software_sgx = true, .software_root_der = {}};
  EXPECT_EQ(verify_quote(quote_of({}), test_root().collateral(), trust, kNow).error().site,
            "attest.root.unknown");
}

struct Refusal {
  const char* name;
  std::string_view site;
  std::function<void(software::Issue&)> change;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

const Refusal kRefusals[] = {
    {"revoked_pck", "attest.pck.chain", [](software::Issue& i) { i.revoke_pck = true; }},
    {"revoked_processor_ca", "attest.pck.chain", [](software::Issue& i) { i.revoke_processor_ca = true; }},
    {"revoked_tcb_signing", "attest.tcb_info.signature",
     [](software::Issue& i) { i.revoke_tcb_signing = true; }},
    {"revoked_tcb_level", "attest.tcb_info.level",
     [](software::Issue& i) { i.platform_status = TcbStatus::kRevoked; }},
    {"revoked_quoting_enclave", "attest.qe_identity.level",
     [](software::Issue& i) { i.quoting_status = TcbStatus::kRevoked; }},
    {"other_platform", "attest.tcb_info.platform", [](software::Issue& i) { i.other_platform = true; }},
    {"other_quoting_signer", "attest.qe_identity.signer",
     [](software::Issue& i) { i.quoting.signer.bytes[31] ^= 1; }},
    {"other_quoting_product", "attest.qe_identity.signer",
     [](software::Issue& i) { i.quoting.product_id += 1; }},
    {"newer_quoting_enclave_needed", "attest.qe_identity.level",
     [](software::Issue& i) { i.quoting.security_version += 1; }},
    {"expired_documents", "attest.pck.chain",
     [](software::Issue& i) { i.now_unix_s -= 2 * software::kDocumentLifetimeS; }},
    {"documents_of_the_future", "attest.pck.chain", [](software::Issue& i) { i.now_unix_s += 86400; }},
};

class RefusesIssued : public ::testing::TestWithParam<Refusal> {};
TEST_P(RefusesIssued, Documents) {
  software::Issue issue = test_root().issue();
  GetParam().change(issue);
  const auto collateral = test_root().authority().collateral(issue);
  ASSERT_TRUE(collateral.has_value());
  const auto identity = verify_quote(quote_of({}), *collateral, test_root().trust(), kNow);
  ASSERT_FALSE(identity.has_value());
  EXPECT_EQ(identity.error().code, ErrorCode::kDenied);
  EXPECT_EQ(identity.error().site, GetParam().site) << to_string(identity.error());
}
INSTANTIATE_TEST_SUITE_P(SoftwareRoot, RefusesIssued, ::testing::ValuesIn(kRefusals),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SoftwareRoot, PassesOnAnUnhealthyStatusWithItsAdvisories) {
  software::Issue issue = test_root().issue();
  issue.platform_status = TcbStatus::kConfigurationNeeded;
  issue.quoting_status = TcbStatus::kOutOfDate;
  issue.advisories = {"SOFTWARE-1"};
  const auto identity =
      verify_quote(quote_of({}), *test_root().authority().collateral(issue), test_root().trust(), kNow);
  ASSERT_TRUE(identity.has_value()) << to_string(identity.error());
  EXPECT_EQ(identity->tcb_status, TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(identity->advisories, std::vector<std::string>{"SOFTWARE-1"});
}

TEST(SoftwareRoot, PckKeyCannotSignDocuments) {
  Collateral collateral = test_root().collateral();
  const std::string chain = test_root().authority().pck_chain_pem();
  const std::size_t second = chain.find("-----BEGIN", 1), third = chain.find("-----BEGIN", second + 1);
  collateral.tcb_info_issuer_chain = chain.substr(0, second) + chain.substr(third);
  EXPECT_EQ(verify_quote(quote_of({}), collateral, test_root().trust(), kNow).error().site,
            "attest.tcb_info.signature");
}

TEST(SoftwareRoot, IsKeptOnDiskForItsOwnerOnly) {
  std::string pattern = ::testing::TempDir() + "/clemmys-authority-XXXXXX";
  const std::filesystem::path root = ::mkdtemp(pattern.data());
  const auto directory = root / "state" / "provisioning";
  const software::CpuSvn cpusvn = {1};
  const auto first = software::Authority::open(directory, cpusvn, kNow);
  ASSERT_TRUE(first.has_value()) << to_string(first.error());
  const auto second = software::Authority::open(directory, cpusvn, kNow + 1000);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(first->root_der(), second->root_der());
  EXPECT_EQ(first->pck_chain_pem(), second->pck_chain_pem());
  EXPECT_EQ(std::filesystem::status(directory).permissions(), std::filesystem::perms::owner_all);

  EXPECT_EQ(software::Authority::open(directory, {2}, kNow).error().code, ErrorCode::kConflict);
  std::filesystem::permissions(directory, std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(software::Authority::open(directory, cpusvn, kNow).error().code, ErrorCode::kDenied);
  std::filesystem::remove_all(root);
}

TEST(Verifier, AgreesWithVerifyQuoteAndFollowsTheDates) {
  const Verifier verifier(test_root().collateral(), test_root().trust());
  const Bytes quote = quote_of({});
  for (const std::uint64_t now :
       {kNow, kNow + 1, kNow + software::kDocumentLifetimeS - 1, kNow + software::kDocumentLifetimeS,
        kNow + 2 * software::kDocumentLifetimeS, kNow - software::kBackdateS, kNow - 86400, kNow}) {
    const bool wanted = verify_quote(quote, test_root().collateral(), test_root().trust(), now).has_value();
    EXPECT_EQ(verifier.verify(quote, now).has_value(), wanted) << now - kNow;
  }
  Bytes changed = quote;
  changed[100] ^= 1;
  EXPECT_EQ(verifier.verify(changed, kNow).error().site, "attest.quote.signature");
}

TEST(Verifier, DoesNotTakeOneMachineForAnother) {
  const TestRoot other(kNow);
  const Verifier verifier(test_root().collateral(), test_root().trust());
  EXPECT_TRUE(verifier.verify(quote_of({}), kNow).has_value());
  EXPECT_EQ(verifier.verify(*other.attester({})->evidence({}), kNow).error().site, "attest.root.unknown");
}

}  // namespace
}  // namespace clemmys::attest
