// The order of the checks: first whose chain it is, then what the chain signed, then what that says.
#include "attest/verifier.h"

#include <algorithm>

#include "attest/certificate.h"
#include "attest/pck.h"
#include "attest/quote.h"
#include "attest/tcb.h"

namespace clemmys::attest {
namespace {

// Roles are told apart by subject names, as one root signs them all: else a PCK key could sign TCB info.
struct RoleNames {
  std::string_view processor_ca, platform_ca, pck, tcb_signing;
};
constexpr RoleNames kIntelNames = {"Intel SGX PCK Processor CA", "Intel SGX PCK Platform CA",
                                   "Intel SGX PCK Certificate", "Intel SGX TCB Signing"};
constexpr RoleNames kSoftwareNames = {"Software SGX PCK Processor CA", "Software SGX PCK Platform CA",
                                      "Software SGX PCK Certificate", "Software SGX TCB Signing"};

const RoleNames& names_of(Root root) { return root == Root::kIntel ? kIntelNames : kSoftwareNames; }

struct Context {
  const Collateral& collateral;
  const Trust& trust;
  std::uint64_t now_unix_s;
  ossl::Crl root_crl, pck_crl;
};

struct PckChain {
  Root root;
  Chain chain;
  PckFields fields;
  P256Public key;
};

Result<PckChain> check_pck_chain(const Quote& quote, const Context& context) {
  constexpr std::string_view kSite = "attest.pck.chain";
  Chain chain = TRY(parse_chain(as_text(quote.certification), 3, kSite));
  const Root root = TRY(pinned_root(chain.back().get(), context.trust));
  const RoleNames& names = names_of(root);
  const std::string issuer = common_name(chain[1].get());
  if (common_name(chain[0].get()) != names.pck ||
      (issuer != names.processor_ca && issuer != names.platform_ca)) {
    return Error{ErrorCode::kDenied, "attest.pck.role", "not a PCK certificate of a PCK authority"};
  }
  TRY(check_chain(chain, {context.root_crl.get(), context.pck_crl.get()}, context.now_unix_s, kSite));
  const PckFields fields = TRY(pck_fields(chain.front().get()));
  const P256Public key = TRY(public_key(chain.front().get()));
  return PckChain{root, std::move(chain), fields, key};
}

// check_document checks that `text` is signed, as it stands, by the TCB signing key under the PCK chain's own
// root.
Status check_document(std::string_view text, std::string_view signature_hex, std::string_view issuer_chain,
                      const PckChain& pck, const Context& context, std::string_view site) {
  const Chain chain = TRY(parse_chain(issuer_chain, 2, site));
  if (!same_certificate(chain.back().get(), pck.chain.back().get()))
    return Error{ErrorCode::kDenied, site, "another root"};
  if (common_name(chain.front().get()) != names_of(pck.root).tcb_signing) {
    return Error{ErrorCode::kDenied, site, "not signed by a TCB signing certificate"};
  }
  TRY(check_chain(chain, {context.root_crl.get()}, context.now_unix_s, site));
  const auto signature = fixed_from_hex<P256Signature>(signature_hex);
  if (!signature) return Error{ErrorCode::kDenied, site, "malformed signature"};
  const P256Public key = TRY(public_key(chain.front().get()));
  if (!p256_verify(key, as_bytes(text), *signature))
    return Error{ErrorCode::kDenied, site, "wrong signature"};
  return {};
}

Status check_signatures(const Quote& quote, const PckChain& pck) {
  if (!p256_verify(pck.key, bytes_of(quote.qe_report), quote.qe_report_signature)) {
    return Error{ErrorCode::kDenied, "attest.qe_report.signature", "not signed by the PCK key"};
  }
  FixedBytes<64, struct BindingTag> binding;
  std::ranges::copy(attestation_key_digest(quote).bytes, binding.bytes.begin());
  if (!std::ranges::equal(binding.bytes, quote.qe_report.reportdata)) {
    return Error{ErrorCode::kDenied, "attest.qe_report.binding",
                 "the QE report does not name the attestation key"};
  }
  if (!p256_verify(quote.attestation_key, signed_part(quote), quote.signature)) {
    return Error{ErrorCode::kDenied, "attest.quote.signature", "not signed by the attestation key"};
  }
  return {};
}

Identity identity_of(const Quote& quote, Root root, Judgement judgement) {
  Identity identity;
  std::ranges::copy(quote.report.mrenclave, identity.measurement.bytes.begin());
  std::ranges::copy(quote.report.mrsigner, identity.signer.bytes.begin());
  std::ranges::copy(quote.report.reportdata, identity.report_data.bytes.begin());
  identity.product_id = quote.report.isvprodid;
  identity.security_version = quote.report.isvsvn;
  identity.debug = (quote.report.attributes.flags & sgx::kAttributeDebug) != 0;
  identity.root = root;
  identity.tcb_status = judgement.status;
  identity.advisories = std::move(judgement.advisories);
  return identity;
}

}  // namespace

Result<Identity> verify_quote(ByteView bytes, const Collateral& collateral, const Trust& trust,
                              std::uint64_t now_unix_s) {
  const Quote quote = TRY(parse_quote(bytes));
  if (quote.vendor != kIntelQuoteVendor)
    return Error{ErrorCode::kDenied, "attest.quote.vendor", "unknown quote vendor"};
  Context context{collateral, trust, now_unix_s, nullptr, nullptr};
  context.root_crl = TRY(parse_crl(collateral.root_ca_crl, "attest.crl.root"));
  context.pck_crl = TRY(parse_crl(collateral.pck_crl, "attest.crl.pck"));

  const PckChain pck = TRY(check_pck_chain(quote, context));
  TRY(check_document(collateral.tcb_info, collateral.tcb_info_signature_hex, collateral.tcb_info_issuer_chain,
                     pck, context, "attest.tcb_info.signature"));
  TRY(check_document(collateral.qe_identity, collateral.qe_identity_signature_hex,
                     collateral.qe_identity_issuer_chain, pck, context, "attest.qe_identity.signature"));
  TRY(check_signatures(quote, pck));

  const Judgement platform = TRY(judge_platform(collateral.tcb_info, pck.fields, now_unix_s));
  const Judgement quoting = TRY(judge_quoting_enclave(collateral.qe_identity, quote.qe_report, now_unix_s));
  return identity_of(quote, pck.root, combine(platform, quoting));
}

}  // namespace clemmys::attest
