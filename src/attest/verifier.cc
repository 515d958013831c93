// The order of the checks: first whose chain it is, then what the chain signed, then what that says.
#include "attest/verifier.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "attest/platform.h"
#include "attest/quote.h"

namespace clemmys::attest {
namespace {

constexpr std::size_t kPlatformsMax = 1024;  // one per machine of the cluster

Status check_signatures(const Quote& quote, const P256Public& pck_key) {
  if (!p256_verify(pck_key, bytes_of(quote.qe_report), quote.qe_report_signature)) {
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
  identity.attributes = quote.report.attributes.flags;
  identity.xfrm = quote.report.attributes.xfrm;
  identity.root = root;
  identity.tcb_status = judgement.status;
  identity.advisories = std::move(judgement.advisories);
  return identity;
}

Result<Quote> parse_known(ByteView bytes) {
  Quote quote = TRY(parse_quote(bytes));
  if (quote.vendor != kIntelQuoteVendor)
    return Error{ErrorCode::kDenied, "attest.quote.vendor", "unknown quote vendor"};
  return quote;
}

Result<Identity> judge(const Quote& quote, const Platform& platform, const Collateral& collateral,
                       std::uint64_t now_unix_s) {
  TRY(check_signatures(quote, platform.pck_key));
  const Judgement quoting = TRY(judge_quoting_enclave(collateral.qe_identity, quote.qe_report, now_unix_s));
  return identity_of(quote, platform.root, combine(platform.judgement, quoting));
}

}  // namespace

Result<Identity> verify_quote(ByteView bytes, const Collateral& collateral, const Trust& trust,
                              std::uint64_t now_unix_s) {
  const Quote quote = TRY(parse_known(bytes));
  const Platform platform = TRY(check_platform(quote.certification, collateral, trust, now_unix_s));
  return judge(quote, platform, collateral, now_unix_s);
}

struct Verifier::State {
  Collateral collateral;
  Trust trust;
  std::mutex mutex;
  std::map<Digest, Platform> platforms;  // by SHA-256 of the certification
};

Verifier::Verifier(Collateral collateral, Trust trust)
    : state_(std::make_unique<State>(std::move(collateral), std::move(trust))) {}
Verifier::~Verifier() = default;

Result<Identity> Verifier::verify(ByteView bytes, std::uint64_t now_unix_s) const {
  const Quote quote = TRY(parse_known(bytes));
  const Digest key = sha256(quote.certification);
  std::optional<Platform> platform;
  {
    const std::scoped_lock guard(state_->mutex);
    const auto found = state_->platforms.find(key);
    if (found != state_->platforms.end() && found->second.window.contains(now_unix_s))
      platform = found->second;
  }
  if (!platform) {
    platform = TRY(check_platform(quote.certification, state_->collateral, state_->trust, now_unix_s));
    const std::scoped_lock guard(state_->mutex);
    if (state_->platforms.size() >= kPlatformsMax) state_->platforms.clear();
    state_->platforms.insert_or_assign(key, *platform);
  }
  return judge(quote, *platform, state_->collateral, now_unix_s);
}

}  // namespace clemmys::attest
