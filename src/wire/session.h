// session.h: the attested session of an enclave (client) with the KMS (server), one round trip, relayed by
// anyone as opaque blobs; then AEAD messages with strictly increasing counters per direction.
// Who checks what: kms/admission.h; promises: SPECIFICATION.md, "Key service".
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/secret.h"
#include "crypto/hpke.h"

namespace clemmys::wire {

enum class Role : std::uint8_t { kFunction = 1, kGateway = 2 };

// SignedNonce is published by the KMS every minute: random, time, KMS session public key, Ed25519 signature
// by it.
struct SignedNonce {
  FixedBytes<16, struct NonceValueTag> value;
  std::uint64_t unix_ms = 0;
  crypto::Ed25519Public kms;
  crypto::Ed25519Signature signature;
};
SignedNonce make_nonce(const crypto::Ed25519KeyPair& kms, std::uint64_t now_unix_ms);
bool nonce_is_genuine(const SignedNonce& nonce);
Bytes encode(const SignedNonce& nonce);
Result<SignedNonce> decode_nonce(ByteView bytes);

// session_report_data = SHA-512("clemmys/session/v1" ‖ role ‖ public key ‖ encoded nonce): what the client's
// quote must hold.
FixedBytes<64, struct SessionReportTag> session_report_data(Role role, const crypto::X25519Public& client,
                                                            const SignedNonce& nonce);

struct SessionHello {
  Role role = Role::kFunction;
  crypto::X25519Public client;
  SignedNonce nonce;
  Bytes evidence;  // quote
};
Bytes encode(const SessionHello& hello);
Result<SessionHello> decode_hello(ByteView bytes);

struct SessionAccept {
  SessionId session;
  crypto::X25519Public enc;
  crypto::Ed25519Public kms;
  crypto::Ed25519Signature signature;  // over SHA-256 of (hello ‖ session ‖ enc)
};
Bytes encode(const SessionAccept& accept);
Result<SessionAccept> decode_accept(ByteView bytes);

// SessionCipher is one side of an established session. A message is `session id ‖ u64 counter ‖ ciphertext ‖
// tag`, its plaintext padded (padding.h). open refuses any counter that is not exactly the next one. Not
// thread-safe.
class SessionCipher {
 public:
  SessionCipher(SessionId session, Key send, Key receive);
  const SessionId& session() const { return session_; }
  Bytes seal(ByteView plaintext);
  Result<Bytes> open(ByteView message);
  // session_of reads the session id of a message without opening it.
  static Result<SessionId> session_of(ByteView message);

 private:
  SessionId session_;
  Key send_, receive_;
  std::uint64_t sent_ = 0, received_ = 0;
};

// Client: begin → evidence from the attester over report_data() → hello bytes → accept.
class SessionClient {
 public:
  SessionClient(Role role, SignedNonce nonce);
  FixedBytes<64, struct SessionReportTag> report_data() const;
  Bytes hello(Bytes evidence);  // call once
  // accept checks the KMS's signature over the transcript with the key named in the nonce.
  Result<SessionCipher> accept(ByteView accept_bytes);

 private:
  Role role_;
  SignedNonce nonce_;
  crypto::X25519KeyPair key_;
  Bytes hello_;
};

// accept_session is the server's half, called after nonce age, quote and policy were checked.
struct AcceptedSession {
  Bytes accept;
  SessionCipher cipher;
};
Result<AcceptedSession> accept_session(ByteView hello_bytes, const SessionHello& hello,
                                       const crypto::Ed25519KeyPair& kms);

}  // namespace clemmys::wire
