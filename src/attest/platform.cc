#include "attest/platform.h"

#include "attest/certificate.h"
#include "attest/pck.h"

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
  const Trust& trust;
  std::uint64_t now_unix_s;
  ossl::Crl root_crl, pck_crl;
};

struct PckChain {
  Root root;
  Chain chain;
  PckFields fields;
  P256Public key;
  Window window;
};

Result<PckChain> check_pck_chain(ByteView certification, const Context& context) {
  constexpr std::string_view kSite = "attest.pck.chain";
  Chain chain = TRY(parse_chain(as_text(certification), 3, kSite));
  const Root root = TRY(pinned_root(chain.back().get(), context.trust));
  const RoleNames& names = names_of(root);
  const std::string issuer = common_name(chain[1].get());
  if (common_name(chain[0].get()) != names.pck ||
      (issuer != names.processor_ca && issuer != names.platform_ca)) {
    return Error{ErrorCode::kDenied, "attest.pck.role", "not a PCK certificate of a PCK authority"};
  }
  const Window window =
      TRY(check_chain(chain, {context.root_crl.get(), context.pck_crl.get()}, context.now_unix_s, kSite));
  const PckFields fields = TRY(pck_fields(chain.front().get()));
  const P256Public key = TRY(public_key(chain.front().get()));
  return PckChain{root, std::move(chain), fields, key, window};
}

// check_document checks that `text` is signed, as it stands, by the TCB signing key under the PCK chain's own
// root.
Result<Window> check_document(std::string_view text, std::string_view signature_hex,
                              std::string_view issuer_chain, const PckChain& pck, const Context& context,
                              std::string_view site) {
  const Chain chain = TRY(parse_chain(issuer_chain, 2, site));
  if (!same_certificate(chain.back().get(), pck.chain.back().get()))
    return Error{ErrorCode::kDenied, site, "another root"};
  if (common_name(chain.front().get()) != names_of(pck.root).tcb_signing) {
    return Error{ErrorCode::kDenied, site, "not signed by a TCB signing certificate"};
  }
  const Window window = TRY(check_chain(chain, {context.root_crl.get()}, context.now_unix_s, site));
  const auto signature = fixed_from_hex<P256Signature>(signature_hex);
  if (!signature) return Error{ErrorCode::kDenied, site, "malformed signature"};
  const P256Public key = TRY(public_key(chain.front().get()));
  if (!p256_verify(key, as_bytes(text), *signature))
    return Error{ErrorCode::kDenied, site, "wrong signature"};
  return window;
}

}  // namespace

Result<Platform> check_platform(ByteView certification, const Collateral& collateral, const Trust& trust,
                                std::uint64_t now_unix_s) {
  Context context{trust, now_unix_s, nullptr, nullptr};
  context.root_crl = TRY(parse_crl(collateral.root_ca_crl, "attest.crl.root"));
  context.pck_crl = TRY(parse_crl(collateral.pck_crl, "attest.crl.pck"));
  const PckChain pck = TRY(check_pck_chain(certification, context));
  Window window = pck.window;
  window.narrow(
      TRY(check_document(collateral.tcb_info, collateral.tcb_info_signature_hex,
                         collateral.tcb_info_issuer_chain, pck, context, "attest.tcb_info.signature")));
  window.narrow(
      TRY(check_document(collateral.qe_identity, collateral.qe_identity_signature_hex,
                         collateral.qe_identity_issuer_chain, pck, context, "attest.qe_identity.signature")));
  Judgement judgement = TRY(judge_platform(collateral.tcb_info, pck.fields, now_unix_s));
  window.narrow(judgement.window);
  return Platform{pck.root, pck.key, std::move(judgement), window};
}

}  // namespace clemmys::attest
