// A real quote under Intel's root: it verifies at its time, and after no change at all.
#include <gtest/gtest.h>

#include <functional>

#include "attest/collateral.h"
#include "attest/quote.h"
#include "attest/testing/testdata.h"
#include "attest/verifier.h"

namespace clemmys::attest {
namespace {

using testing::kRealQuoteTimeUnixS;
using testing::real_collateral;
using testing::real_quote;

TEST(VerifyQuote, AcceptsARealQuoteAtItsTime) {
  const auto identity = verify_quote(real_quote(), real_collateral(), Trust{}, kRealQuoteTimeUnixS);
  ASSERT_TRUE(identity.has_value()) << to_string(identity.error());
  EXPECT_EQ(identity->root, Root::kIntel);
  EXPECT_FALSE(identity->debug);
  EXPECT_EQ(identity->tcb_status, TcbStatus::kConfigurationAndSwHardeningNeeded);
  EXPECT_EQ(identity->advisories, (std::vector<std::string>{"INTEL-SA-00289", "INTEL-SA-00615"}));
  EXPECT_EQ(ByteView(identity->measurement.bytes).size(), 32u);
  const Quote quote = *parse_quote(real_quote());
  EXPECT_EQ(0, std::memcmp(identity->measurement.bytes.data(), quote.report.mrenclave, 32));
}

// A refusal is one change and the site that must name it.
struct Refusal {
  const char* name;
  std::string_view site;
  std::function<void(Quote&, Collateral&, std::uint64_t&)> change;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

void flip_last_digit(std::string& hex) { hex.back() = hex.back() == '0' ? '1' : '0'; }
void replace_in(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, text.npos);
  text.replace(at, from.size(), to);
}
void flip_middle(std::string& text) { text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1); }
std::string second_certificate_twice(const std::string& pem) {
  const std::size_t second = pem.find("-----BEGIN", 1);
  return pem.substr(second) + pem.substr(second);
}

const Refusal kRefusals[] = {
    {"report_measurement", "attest.quote.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.report.mrenclave[0] ^= 1; }},
    {"report_debug_flag", "attest.quote.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.report.attributes.flags ^= 2; }},
    {"report_data", "attest.quote.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.report.reportdata[63] ^= 1; }},
    {"header_user_data", "attest.quote.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.user_data.bytes[0] ^= 1; }},
    {"header_qe_svn", "attest.quote.signature", [](Quote& q, Collateral&, std::uint64_t&) { q.qe_svn += 1; }},
    {"vendor", "attest.quote.vendor", [](Quote& q, Collateral&, std::uint64_t&) { q.vendor.bytes[0] ^= 1; }},
    {"quote_signature", "attest.quote.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.signature.bytes[5] ^= 1; }},
    {"attestation_key", "attest.qe_report.binding",
     [](Quote& q, Collateral&, std::uint64_t&) { q.attestation_key = P256Key::generate()->public_key(); }},
    {"authentication_data", "attest.qe_report.binding",
     [](Quote& q, Collateral&, std::uint64_t&) { q.authentication_data[0] ^= 1; }},
    {"qe_report", "attest.qe_report.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.qe_report.mrsigner[0] ^= 1; }},
    {"qe_report_data_tail", "attest.qe_report.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.qe_report.reportdata[63] ^= 1; }},
    {"qe_report_signature", "attest.qe_report.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.qe_report_signature.bytes[9] ^= 1; }},
    {"zero_signatures", "attest.qe_report.signature",
     [](Quote& q, Collateral&, std::uint64_t&) { q.qe_report_signature = {}; }},
    {"pck_chain_byte", "attest.pck.chain",
     [](Quote& q, Collateral&, std::uint64_t&) {
       q.certification[600] = q.certification[600] == 'A' ? 'B' : 'A';
     }},
    {"pck_chain_without_root", "attest.pck.chain",
     [](Quote& q, Collateral&, std::uint64_t&) {
       const std::string pem(as_text(q.certification));
       q.certification = to_bytes(pem.substr(0, pem.rfind("-----BEGIN")));
     }},
    {"tcb_signer_as_pck", "attest.pck.role",
     [](Quote& q, Collateral& c, std::uint64_t&) {
       const std::size_t second = c.tcb_info_issuer_chain.find("-----BEGIN", 1);
       q.certification = to_bytes(c.tcb_info_issuer_chain.substr(0, second) + c.pck_crl_issuer_chain);
     }},
    {"root_crl_byte", "attest.pck.chain",
     [](Quote&, Collateral& c, std::uint64_t&) {
       c.root_ca_crl.back() = static_cast<char>(c.root_ca_crl.back() ^ 1);
     }},
    {"root_crl_empty", "attest.crl.root",
     [](Quote&, Collateral& c, std::uint64_t&) { c.root_ca_crl.clear(); }},
    {"pck_crl_byte", "attest.pck.chain",
     [](Quote&, Collateral& c, std::uint64_t&) {
       c.pck_crl.back() = static_cast<char>(c.pck_crl.back() ^ 1);
     }},
    {"pck_crl_empty", "attest.crl.pck", [](Quote&, Collateral& c, std::uint64_t&) { c.pck_crl.clear(); }},
    {"pck_crl_of_another_issuer", "attest.pck.chain",
     [](Quote&, Collateral& c, std::uint64_t&) { c.pck_crl = c.root_ca_crl; }},
    {"tcb_info_text", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { replace_in(c.tcb_info, "\"pcesvn\":13", "\"pcesvn\":10"); }},
    {"tcb_info_blank_added", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { c.tcb_info += ' '; }},
    {"tcb_info_signature", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { flip_last_digit(c.tcb_info_signature_hex); }},
    {"tcb_info_signature_short", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { c.tcb_info_signature_hex.resize(126); }},
    {"tcb_chain_byte", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { flip_middle(c.tcb_info_issuer_chain); }},
    {"tcb_chain_of_roots", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) {
       c.tcb_info_issuer_chain = second_certificate_twice(c.tcb_info_issuer_chain);
     }},
    {"tcb_chain_is_pck_authority", "attest.tcb_info.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { c.tcb_info_issuer_chain = c.pck_crl_issuer_chain; }},
    {"documents_exchanged", "attest.tcb_info",
     [](Quote&, Collateral& c, std::uint64_t&) {
       c.tcb_info = c.qe_identity;
       c.tcb_info_signature_hex = c.qe_identity_signature_hex;
     }},
    {"qe_identity_text", "attest.qe_identity.signature",
     [](Quote&, Collateral& c, std::uint64_t&) {
       replace_in(c.qe_identity, "\"isvsvn\":8", "\"isvsvn\":1");
     }},
    {"qe_identity_signature", "attest.qe_identity.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { flip_last_digit(c.qe_identity_signature_hex); }},
    {"qe_identity_chain_absent", "attest.qe_identity.signature",
     [](Quote&, Collateral& c, std::uint64_t&) { c.qe_identity_issuer_chain.clear(); }},
    {"before_tcb_info", "attest.pck.chain",
     [](Quote&, Collateral&, std::uint64_t& now) { now = 1750327000; }},
    {"between_crl_and_tcb_info", "attest.tcb_info",
     [](Quote&, Collateral&, std::uint64_t& now) { now = 1750330570; }},
    {"after_crl", "attest.pck.chain", [](Quote&, Collateral&, std::uint64_t& now) { now = 1753000000; }},
    {"year_2000", "attest.pck.chain", [](Quote&, Collateral&, std::uint64_t& now) { now = 946684800; }},
};

class RefusesChanged : public ::testing::TestWithParam<Refusal> {};
TEST_P(RefusesChanged, RealQuote) {
  Quote quote = *parse_quote(real_quote());
  Collateral collateral = real_collateral();
  std::uint64_t now = kRealQuoteTimeUnixS;
  GetParam().change(quote, collateral, now);
  const auto identity = verify_quote(serialize_quote(quote), collateral, Trust{}, now);
  ASSERT_FALSE(identity.has_value());
  EXPECT_EQ(identity.error().code, ErrorCode::kDenied);
  EXPECT_EQ(identity.error().site, GetParam().site) << to_string(identity.error());
}
INSTANTIATE_TEST_SUITE_P(VerifyQuote, RefusesChanged, ::testing::ValuesIn(kRefusals),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(VerifyQuote, RefusesAFlipOfAnySignedByte) {
  const Bytes good = real_quote();
  const std::size_t chain = good.size() - 3548;
  for (std::size_t i = 0; i < chain; i += 7) {
    Bytes bytes = good;
    bytes[i] ^= 0x10;
    ASSERT_FALSE(verify_quote(bytes, real_collateral(), Trust{}, kRealQuoteTimeUnixS).has_value()) << i;
  }
}

TEST(Collateral, JsonRoundTripsAndRefusesMissingAndUnknownMembers) {
  const Collateral collateral = real_collateral();
  const std::string json = collateral_to_json(collateral);
  const auto again = collateral_from_json(json);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->tcb_info, collateral.tcb_info);
  EXPECT_EQ(again->pck_crl, collateral.pck_crl);
  EXPECT_EQ(collateral_to_json(*again), json);
  EXPECT_FALSE(collateral_from_json("{}").has_value());
  EXPECT_FALSE(collateral_from_json("[").has_value());
  EXPECT_FALSE(collateral_from_json("{\"more\":1," + json.substr(1)).has_value());
}

}  // namespace
}  // namespace clemmys::attest
