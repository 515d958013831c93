// nonces.h: the signed nonce that evidence must contain. A new one every minute; the current and the one
// before are accepted, none older than two minutes. Nonces of an earlier start are unknown, whatever their
// signature says.
#pragma once

#include <optional>

#include "wire/session.h"

namespace clemmys::kms {

class Nonces {
 public:
  static constexpr std::uint64_t kRenewAfterMs = 60'000;
  static constexpr std::uint64_t kAcceptMs = 120'000;

  explicit Nonces(crypto::Ed25519KeyPair key) : key_(std::move(key)) {}
  const wire::SignedNonce& current(std::uint64_t now_unix_ms);
  // check is kDenied unless exactly this nonce was published and is fresh.
  Status check(const wire::SignedNonce& nonce, std::uint64_t now_unix_ms) const;
  const crypto::Ed25519KeyPair& key() const { return key_; }

 private:
  crypto::Ed25519KeyPair key_;
  std::optional<wire::SignedNonce> current_, previous_;
};

}  // namespace clemmys::kms
