// hpke.h: HPKE base mode (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM: just what the
// attested session needs: one sealed message and exported secrets.
#pragma once

#include "crypto/crypto.h"

namespace clemmys::crypto {

// HpkeContext seals or opens in sequence and exports secrets (§5.2, §5.3).
class HpkeContext {
 public:
  HpkeContext(Key key, Nonce base_nonce, Key exporter_secret);
  Bytes seal(ByteView aad, ByteView plaintext);
  Result<Bytes> open(ByteView aad, ByteView ciphertext);
  Key export_secret(ByteView exporter_context) const;

 private:
  Nonce next_nonce();
  Key key_;
  Nonce base_nonce_;
  Key exporter_secret_;
  std::uint64_t sequence_ = 0;
};

struct HpkeSender {
  X25519Public enc;
  HpkeContext context;
};
Result<HpkeSender> hpke_setup_sender(const X25519Public& recipient, ByteView info);
// with a given ephemeral key: for the RFC's vectors. A key pair must serve one context only.
Result<HpkeSender> hpke_setup_sender(const X25519Public& recipient, ByteView info,
                                     const X25519KeyPair& ephemeral);
Result<HpkeContext> hpke_setup_recipient(const X25519Public& enc, const X25519KeyPair& recipient,
                                         ByteView info);

}  // namespace clemmys::crypto
