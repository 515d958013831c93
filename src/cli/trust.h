// trust.h: `clemmys trust add` as a function, so that `clemmys up` verifies its own platform by the same
// code.
#pragma once

#include "cli/evidence.h"
#include "cli/trust_store.h"

namespace clemmys::cli {

struct Trusted {
  TrustedPlatform platform;
  VerifiedEvidence evidence;
  std::string root_policy;
};
// establish_trust fetches evidence over a connection that nobody has verified, verifies it, then connects
// again and demands a certificate of the quoted authority. Nothing is kept yet.
Result<Trusted> establish_trust(const Url& url, const Expectation& expectation);

// renew_trust repeats the check when the last one is a week old: same key service, same policy, same
// authority, fresh quote.
inline constexpr std::uint64_t kRenewAfterS = 7 * 86400;
Status renew_trust(const fs::path& config, const TrustedPlatform& platform, std::uint64_t now_unix_s);

}  // namespace clemmys::cli
