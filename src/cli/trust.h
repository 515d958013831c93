// trust.h: `clemmys trust add` as a function, so that `clemmys up` verifies its own platform by the same code.
#pragma once

#include "cli/evidence.h"
#include "cli/trust_store.h"

namespace clemmys::cli {

struct Trusted {
  TrustedPlatform platform;
  VerifiedEvidence evidence;
  std::string root_policy;
};
// establish_trust fetches evidence over a connection that nobody has verified, verifies it, then connects again and demands a
// certificate of the quoted authority. Nothing is kept yet.
Result<Trusted> establish_trust(const Url& url, const Expectation& expectation);

}  // namespace clemmys::cli
