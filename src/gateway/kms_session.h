// kms_session.h: one connection and one attested session with the KMS; blocking calls. Inner header of
// gateway/.
#pragma once

#include <optional>
#include <string>

#include "attest/attester.h"
#include "wire/kms_api.h"

namespace clemmys::gateway {

class KmsSession {
 public:
  // open runs the handshake; `expected_kms`, when set, is the only identity that is accepted.
  static Result<KmsSession> open(const std::string& socket_path, attest::Attester& attester,
                                 const std::optional<crypto::Ed25519Public>& expected_kms);
  KmsSession(KmsSession&& other) noexcept;
  KmsSession& operator=(KmsSession&&) = delete;
  ~KmsSession();

  const crypto::Ed25519Public& kms() const { return kms_; }
  // request is one round trip inside the session. `broken` turns true when the session cannot be used any
  // more.
  Result<wire::Answer> request(const wire::GatewayRequest& request);
  Result<Bytes> evidence(ByteView nonce);
  bool broken() const { return broken_; }

 private:
  KmsSession(int descriptor, wire::SessionCipher cipher, crypto::Ed25519Public kms)
      : descriptor_(descriptor), cipher_(std::move(cipher)), kms_(kms) {}
  int descriptor_;
  wire::SessionCipher cipher_;
  crypto::Ed25519Public kms_;
  bool broken_ = false;
};

}  // namespace clemmys::gateway
