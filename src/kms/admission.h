// admission.h: who may have a session: genuine, fresh evidence that holds the client's key and role, no debug
// enclave, a tolerated TCB, and a measurement that the role's policy names.
#pragma once

#include "attest/verifier.h"
#include "kms/nonces.h"
#include "kms/root_policy.h"
#include "kms/state.h"

namespace clemmys::kms {

struct AdmissionRules {
  const RootPolicy& policy;
  const attest::Verifier& verifier;  // remembers what it found about a machine
  const State& state;
};

// admit gives the verified identity of the sender, or kDenied with a site that says which rule refused.
Result<attest::Identity> admit(const wire::SessionHello& hello, const Nonces& nonces,
                               const AdmissionRules& rules, std::uint64_t now_unix_ms);

}  // namespace clemmys::kms
