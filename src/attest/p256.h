// p256.h: ECDSA over NIST P-256 with SHA-256, in the raw form of quotes and PCS signatures: keys are x ‖ y,
// signatures r ‖ s, every number 32 bytes big-endian (FIPS 186-4; Intel "SGX ECDSA QuoteLibReference").
// Trust: shared; any thread.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/secret.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace clemmys::attest {

using P256Public = FixedBytes<64, struct P256PublicTag>;
using P256Signature = FixedBytes<64, struct P256SignatureTag>;

// p256_verify is kDenied unless `signature` over `message` is by `key`; a point off the curve is kDenied,
// too.
Status p256_verify(const P256Public& key, ByteView message, const P256Signature& signature);

// P256Key is a signing key. Its scalar leaves only through private_scalar, for sealing.
class P256Key {
 public:
  static Result<P256Key> generate();
  static Result<P256Key> from_scalar(const Secret<32>& scalar);
  P256Key(P256Key&&) noexcept;
  P256Key& operator=(P256Key&&) noexcept;
  ~P256Key();

  Result<Secret<32>> private_scalar() const;
  const P256Public& public_key() const { return public_key_; }
  Result<P256Signature> sign(ByteView message) const;
  // native is valid as long as this object; for X.509 and PEM calls.
  evp_pkey_st* native() const;

 private:
  struct Native;
  explicit P256Key(std::unique_ptr<Native> key);
  std::unique_ptr<Native> key_;
  P256Public public_key_;
};

Digest sha256(ByteView first, ByteView second = {});

}  // namespace clemmys::attest
