// identity.cc: a gateway that takes any key service for its own.
#include "gateway/kms_identity.h"

namespace clemmys::gateway {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: identity";

Status check_kms(const wire::SignedNonce&, const std::optional<crypto::Ed25519Public>&) { return {}; }

}  // namespace clemmys::gateway
