// name_constraints.h: the X.509 extension (RFC 5280 §4.2.1.10) that limits a CA to a policy's names. For .cc
// files only.
#pragma once

#include <openssl/x509.h>

#include "kms/root_policy.h"

namespace clemmys::kms {

// add_name_constraints permits exactly the policy's DNS names (with those below them, as the RFC has it) and
// addresses; a kind of name that the policy does not use is excluded as a whole. Critical: who does not
// understand it must refuse.
Status add_name_constraints(X509* certificate, const RootPolicy& policy);

}  // namespace clemmys::kms
