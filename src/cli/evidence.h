// evidence.h: decides whether a platform's key service is one that its user may trust. What arrives is
// hostile: the answer of GET /clemmys/v1/evidence, fetched from a server that nobody has verified yet. The
// quote binds together the certificate authority, the root policy and our fresh nonce; whoever passes may
// issue certificates for this platform.
#pragma once

#include <optional>
#include <vector>

#include "attest/verifier.h"
#include "base/bytes.h"
#include "cli/http.h"

namespace clemmys::cli {

using Nonce32 = FixedBytes<32, struct EvidenceNonceTag>;

struct Evidence {
  Bytes quote, authority_der;
  std::string root_policy;  // exact YAML text
  std::string collateral;   // attest::collateral_from_json
};
// evidence_from_json reads {"quote","ca_certificate","root_policy","collateral"}.
Result<Evidence> evidence_from_json(ByteView body);

// Expectation is what the user demands. Empty lists demand nothing.
struct Expectation {
  bool insecure_accept_software_sgx = false;
  Bytes software_root_der;       // pinned; empty: the one that the evidence names is shown, and taken
  std::vector<Measurement> kms;  // any of these
  std::optional<Digest> root_policy;
};

struct VerifiedEvidence {
  attest::Identity kms;
  Digest root_policy;    // SHA-256 of its text
  Digest software_root;  // SHA-256 of the DER; zero under Intel's root
  bool measurement_was_expected = false;
};

// verify_evidence refuses (cli.trust.…): a quote that does not verify, a debug enclave, software SGX that was
// not admitted, another measurement, policy, authority or nonce than those quoted.
Result<VerifiedEvidence> verify_evidence(const Evidence& evidence, const Nonce32& nonce,
                                         const Expectation& expectation, std::uint64_t now_unix_s);

// fetch_evidence asks an unverified server.
Result<Evidence> fetch_evidence(const Url& url, const Nonce32& nonce);

}  // namespace clemmys::cli
