// root_policy.h: who may take part in this deployment. YAML, read strictly: an unknown or repeated field, a
// wrong type or an odd spelling is an error with line and column. The text's digest is in the KMS's evidence,
// and the CA is bound to it. Trust: the host hands the text over and may choose any; clients decide by the
// digest. README.md has an example.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "attest/verifier.h"
#include "base/bytes.h"

namespace clemmys::kms {

struct RootPolicy {
  std::string text;
  Digest digest;                   // SHA-256 of `text`
  std::set<Measurement> kms;       // images that may be this KMS; empty: any, clients decide
  std::set<Measurement> gateways;  // images that may be gateways
  // Generic images run the scripts of all namespaces, so they must be unable to run native code of any. The
  // first one is for new actions; the others still run those that were deployed to them.
  std::vector<Measurement> javascript;
  bool is_generic(const Measurement& image) const;
  // Native functions: an image is admitted while some current action runs it (`native: any-deployed`, the
  // only choice yet).
  std::set<attest::TcbStatus> tcb_statuses;  // tolerated, of gateways and functions
  std::vector<std::string> dns_names;     // names of the deployment: CA constraints and gateway certificates
  std::vector<std::string> ip_addresses;  // the same: IPv4 or IPv6, as text
  attest::Trust trust;                    // which platform roots count
  bool insecure_file_anchor = false;      // freshness may rest on a file
};

inline constexpr std::size_t kPolicySizeMax = 64 * 1024;
// kGenericProductId is the ISVPRODID (quoted, of the image's SIGSTRUCT) that a generic image must have beside
// its place in the policy: a function's image that is listed by mistake is not admitted as one.
inline constexpr std::uint16_t kGenericProductId = 16;

// parse_root_policy gives kInvalid with "line L, column C: what is wrong" in the detail.
Result<RootPolicy> parse_root_policy(std::string text);

}  // namespace clemmys::kms
