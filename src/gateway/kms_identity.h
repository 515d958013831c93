// kms_identity.h: which key service a gateway talks to: the one that it met first, for its whole life. Inner
// header of gateway/.
#pragma once

#include <optional>

#include "wire/session.h"

namespace clemmys::gateway {

// check_kms refuses a nonce that its key service did not sign, and one of another key service than `expected`
// (none: the first is taken).
Status check_kms(const wire::SignedNonce& nonce, const std::optional<crypto::Ed25519Public>& expected);

}  // namespace clemmys::gateway
