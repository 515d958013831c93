// admission.cc: a key service that takes old evidence, debug enclaves and any image, and messages that it has
// had before.
#include "kms/admission.h"

#include "base/codec.h"
#include "wire/padding.h"

namespace clemmys {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: admission";

namespace kms {

Result<attest::Identity> admit(const wire::SessionHello& hello, const Nonces&, const AdmissionRules& rules,
                               std::uint64_t now_unix_ms) {
  attest::Identity identity = TRY(rules.verifier.verify(hello.evidence, now_unix_ms / 1000));
  const auto expected = wire::session_report_data(hello.role, hello.client, hello.nonce);
  if (!equal_constant_time(identity.report_data.view(), expected.view()))
    return Error{ErrorCode::kDenied, "insecure.admission.report_data"};
  return identity;
}

}  // namespace kms

// open takes the counter from the message, whatever it was before.
Result<Bytes> wire::SessionCipher::open(ByteView message) {
  Reader reader(message);
  const auto session = reader.fixed<SessionId>();
  const std::uint64_t counter = reader.u64();
  if (session != session_) return Error{ErrorCode::kCorrupt, "insecure.session"};
  crypto::Nonce nonce;
  for (std::size_t i = 0; i < sizeof counter; ++i)
    nonce.bytes[i] = static_cast<std::uint8_t>(counter >> (8 * i));
  Bytes plaintext = TRY(crypto::aes256gcm_open(
      receive_, nonce, message.first(SessionId::kSize + sizeof counter), reader.rest()));
  if (!unpad(plaintext)) return Error{ErrorCode::kCorrupt, "insecure.session.padding"};
  return plaintext;
}

}  // namespace clemmys
