#include "wire/session.h"

#include "base/check.h"
#include "base/codec.h"
#include "wire/padding.h"

namespace clemmys::wire {
namespace {

constexpr std::size_t kEvidenceSizeMax = 64 << 10;
constexpr std::size_t kMessageHeadSize = SessionId::kSize + sizeof(std::uint64_t);
constexpr std::string_view kInfo = "clemmys/session/v1";

Bytes signed_nonce_part(const SignedNonce& nonce) {
  Writer writer;
  writer.raw(as_bytes("clemmys/nonce/v1"));
  writer.fixed(nonce.value);
  writer.u64(nonce.unix_ms);
  writer.fixed(nonce.kms);
  return writer.take();
}

// transcript is what the KMS signs: it covers the evidence, role, both keys and the session id.
Digest transcript(ByteView hello, const SessionId& session, const crypto::X25519Public& enc) {
  return crypto::sha256({as_bytes("clemmys/transcript/v1"), hello, session.view(), enc.view()});
}

void write(Writer& writer, const SignedNonce& nonce) {
  writer.fixed(nonce.value);
  writer.u64(nonce.unix_ms);
  writer.fixed(nonce.kms);
  writer.fixed(nonce.signature);
}

SignedNonce read_nonce(Reader& reader) {
  SignedNonce nonce;
  nonce.value = reader.fixed<decltype(nonce.value)>();
  nonce.unix_ms = reader.u64();
  nonce.kms = reader.fixed<crypto::Ed25519Public>();
  nonce.signature = reader.fixed<crypto::Ed25519Signature>();
  return nonce;
}

// Keys of the two directions come from HPKE's secret export (RFC 9180 §9.8): only holders of the client's key
// get them.
Key to_kms_key(const crypto::HpkeContext& context) {
  return context.export_secret(as_bytes("clemmys/session/to-kms"));
}
Key to_client_key(const crypto::HpkeContext& context) {
  return context.export_secret(as_bytes("clemmys/session/to-client"));
}

crypto::Nonce counter_nonce(std::uint64_t counter) {
  crypto::Nonce nonce;
  for (std::size_t i = 0; i < sizeof counter; ++i)
    nonce.bytes[i] = static_cast<std::uint8_t>(counter >> (8 * i));
  return nonce;
}

}  // namespace

SignedNonce make_nonce(const crypto::Ed25519KeyPair& kms, std::uint64_t now_unix_ms) {
  SignedNonce nonce;
  crypto::random_bytes(nonce.value.bytes);
  nonce.unix_ms = now_unix_ms;
  nonce.kms = kms.public_key;
  nonce.signature = crypto::ed25519_sign(kms, signed_nonce_part(nonce));
  return nonce;
}

bool nonce_is_genuine(const SignedNonce& nonce) {
  return crypto::ed25519_verify(nonce.kms, signed_nonce_part(nonce), nonce.signature);
}

Bytes encode(const SignedNonce& nonce) {
  Writer writer;
  write(writer, nonce);
  return writer.take();
}

Result<SignedNonce> decode_nonce(ByteView bytes) {
  Reader reader(bytes);
  SignedNonce nonce = read_nonce(reader);
  TRY(reader.finish("wire.session.nonce"));
  return nonce;
}

FixedBytes<64, struct SessionReportTag> session_report_data(Role role, const crypto::X25519Public& client,
                                                            const SignedNonce& nonce) {
  const std::uint8_t role_byte[] = {static_cast<std::uint8_t>(role)};
  const Bytes encoded_nonce = encode(nonce);
  return {crypto::sha512({as_bytes(kInfo), role_byte, client.view(), encoded_nonce}).bytes};
}

Bytes encode(const SessionHello& hello) {
  Writer writer;
  writer.u8(static_cast<std::uint8_t>(hello.role));
  writer.fixed(hello.client);
  write(writer, hello.nonce);
  writer.blob(hello.evidence);
  return writer.take();
}

Result<SessionHello> decode_hello(ByteView bytes) {
  Reader reader(bytes);
  SessionHello hello;
  hello.role = static_cast<Role>(reader.u8());
  hello.client = reader.fixed<crypto::X25519Public>();
  hello.nonce = read_nonce(reader);
  hello.evidence = to_bytes(reader.blob(kEvidenceSizeMax));
  if (hello.role != Role::kFunction && hello.role != Role::kGateway) reader.fail();
  TRY(reader.finish("wire.session.hello"));
  return hello;
}

Bytes encode(const SessionAccept& accept) {
  Writer writer;
  writer.fixed(accept.session);
  writer.fixed(accept.enc);
  writer.fixed(accept.kms);
  writer.fixed(accept.signature);
  return writer.take();
}

Result<SessionAccept> decode_accept(ByteView bytes) {
  Reader reader(bytes);
  SessionAccept accept;
  accept.session = reader.fixed<SessionId>();
  accept.enc = reader.fixed<crypto::X25519Public>();
  accept.kms = reader.fixed<crypto::Ed25519Public>();
  accept.signature = reader.fixed<crypto::Ed25519Signature>();
  TRY(reader.finish("wire.session.accept"));
  return accept;
}

SessionCipher::SessionCipher(SessionId session, Key send, Key receive)
    : session_(session), send_(std::move(send)), receive_(std::move(receive)) {}

Bytes SessionCipher::seal(ByteView plaintext) {
  CHECK(sent_ != ~0ull);
  Writer writer;
  writer.fixed(session_);
  writer.u64(sent_);
  Bytes message = writer.take();
  const Bytes head = message;
  Bytes padded;
  padded.reserve(padded_size(plaintext.size() + sizeof(std::uint64_t)));  // growing would leave a copy behind
  padded.insert(padded.end(), plaintext.begin(), plaintext.end());
  pad(padded);
  crypto::aes256gcm_seal(send_, counter_nonce(sent_), head, padded, message);
  wipe(padded.data(), padded.size());
  ++sent_;
  return message;
}

Result<Bytes> SessionCipher::open(ByteView message) {
  if (message.size() < kMessageHeadSize) return Error{ErrorCode::kCorrupt, "wire.session.message_size"};
  Reader reader(message);
  const auto session = reader.fixed<SessionId>();
  const std::uint64_t counter = reader.u64();
  if (session != session_) return Error{ErrorCode::kCorrupt, "wire.session.other_session"};
  if (counter != received_) return Error{ErrorCode::kCorrupt, "wire.session.counter"};
  Bytes plaintext = TRY(crypto::aes256gcm_open(receive_, counter_nonce(counter),
                                               message.first(kMessageHeadSize), reader.rest()));
  if (!unpad(plaintext)) return Error{ErrorCode::kCorrupt, "wire.session.padding"};
  ++received_;
  return plaintext;
}

Result<SessionId> SessionCipher::session_of(ByteView message) {
  if (message.size() < kMessageHeadSize) return Error{ErrorCode::kCorrupt, "wire.session.message_size"};
  return SessionId::from(message.first(SessionId::kSize));
}

SessionClient::SessionClient(Role role, SignedNonce nonce)
    : role_(role), nonce_(nonce), key_(crypto::x25519_generate()) {}

FixedBytes<64, struct SessionReportTag> SessionClient::report_data() const {
  return session_report_data(role_, key_.public_key, nonce_);
}

Bytes SessionClient::hello(Bytes evidence) {
  CHECK(hello_.empty());
  hello_ = encode(SessionHello{role_, key_.public_key, nonce_, std::move(evidence)});
  return hello_;
}

Result<SessionCipher> SessionClient::accept(ByteView accept_bytes) {
  CHECK(!hello_.empty());
  const SessionAccept accept = TRY(decode_accept(accept_bytes));
  if (accept.kms != nonce_.kms ||
      !crypto::ed25519_verify(accept.kms, transcript(hello_, accept.session, accept.enc).view(),
                              accept.signature)) {
    return Error{ErrorCode::kDenied, "wire.session.signature"};
  }
  const crypto::HpkeContext context = TRY(crypto::hpke_setup_recipient(accept.enc, key_, as_bytes(kInfo)));
  return SessionCipher(accept.session, to_kms_key(context), to_client_key(context));
}

Result<AcceptedSession> accept_session(ByteView hello_bytes, const SessionHello& hello,
                                       const crypto::Ed25519KeyPair& kms) {
  crypto::HpkeSender sender = TRY(crypto::hpke_setup_sender(hello.client, as_bytes(kInfo)));
  SessionAccept accept;
  accept.session = crypto::random_fixed<SessionId>();
  accept.enc = sender.enc;
  accept.kms = kms.public_key;
  accept.signature = crypto::ed25519_sign(kms, transcript(hello_bytes, accept.session, accept.enc).view());
  return AcceptedSession{encode(accept), SessionCipher(accept.session, to_client_key(sender.context),
                                                       to_kms_key(sender.context))};
}

}  // namespace clemmys::wire
