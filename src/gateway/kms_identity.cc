#include "gateway/kms_identity.h"

namespace clemmys::gateway {

Status check_kms(const wire::SignedNonce& nonce, const std::optional<crypto::Ed25519Public>& expected) {
  if (!wire::nonce_is_genuine(nonce)) return Error{ErrorCode::kDenied, "gateway.kms.nonce"};
  if (expected && nonce.kms != *expected) return Error{ErrorCode::kDenied, "gateway.kms.other_identity"};
  return {};
}

}  // namespace clemmys::gateway
