#include "kms/nonces.h"

namespace clemmys::kms {

const wire::SignedNonce& Nonces::current(std::uint64_t now_unix_ms) {
  if (!current_ || now_unix_ms - current_->unix_ms >= kRenewAfterMs) {
    previous_ = current_;
    current_ = wire::make_nonce(key_, now_unix_ms);
  }
  return *current_;
}

Status Nonces::check(const wire::SignedNonce& nonce, std::uint64_t now_unix_ms) const {
  const Bytes given = wire::encode(nonce);
  const bool ours =
      (current_ && wire::encode(*current_) == given) || (previous_ && wire::encode(*previous_) == given);
  if (!ours) return Error{ErrorCode::kDenied, "kms.nonce.unknown"};
  if (now_unix_ms - nonce.unix_ms > kAcceptMs) return Error{ErrorCode::kDenied, "kms.nonce.stale"};
  return {};
}

}  // namespace clemmys::kms
