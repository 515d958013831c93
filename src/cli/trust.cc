#include "cli/trust.h"

#include "base/clock.h"
#include "cli/outcome.h"
#include "crypto/crypto.h"

namespace clemmys::cli {

Result<Trusted> establish_trust(const Url& url, const Expectation& expectation) {
  const auto nonce = crypto::random_fixed<Nonce32>();
  const Evidence evidence = TRY(fetch_evidence(url, nonce));
  const std::uint64_t now = SystemClock().unix_ms() / 1000;
  const VerifiedEvidence verified = TRY(verify_evidence(evidence, nonce, expectation, now));
  TRY(exchange_verified(url, {.target = "/api/v1"}, evidence.authority_der, std::chrono::seconds(20)));
  return Trusted{.platform = {.url = url,
                              .authority_der = evidence.authority_der,
                              .root_policy = verified.root_policy,
                              .kms = verified.kms.measurement,
                              .software_sgx = verified.kms.root == attest::Root::kSoftware,
                              .verified_unix_s = now},
                 .evidence = verified,
                 .root_policy = evidence.root_policy};
}

Status renew_trust(const fs::path& config, const TrustedPlatform& platform, std::uint64_t now_unix_s) {
  if (now_unix_s >= platform.verified_unix_s && now_unix_s - platform.verified_unix_s < kRenewAfterS)
    return {};
  const Trusted again =
      TRY(establish_trust(platform.url, {.insecure_accept_software_sgx = platform.software_sgx,
                                         .kms = {platform.kms},
                                         .root_policy = platform.root_policy}));
  if (again.platform.authority_der != platform.authority_der) {
    return failure(ErrorCode::kDenied, "cli.trust.authority_changed",
                   "the platform has another certificate authority than a week ago",
                   "ask its operator why; clemmys trust add shows the new one");
  }
  TrustedPlatform renewed = platform;
  renewed.verified_unix_s = now_unix_s;
  return keep_entry(config, renewed);
}

}  // namespace clemmys::cli
