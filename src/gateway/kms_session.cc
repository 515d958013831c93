#include "gateway/kms_session.h"

#include <unistd.h>

#include <utility>

#include "gateway/kms_identity.h"
#include "wire/frame.h"

namespace clemmys::gateway {
namespace {

constexpr std::size_t kAnswerSizeMax = 64u << 20;  // a whole view

// exchange is one outer round trip; kRefused becomes its Error, with the site as detail.
Result<Bytes> exchange(int descriptor, wire::KmsFrame type, ByteView body, bool* broken = nullptr) {
  auto sent = wire::write_frame(descriptor, static_cast<std::uint8_t>(type), body);
  auto frame = sent ? wire::read_frame(descriptor, kAnswerSizeMax) : Result<wire::Frame>(sent.error());
  if (!frame && broken) *broken = true;
  if (!frame) return frame.error();
  if (frame->type == static_cast<std::uint8_t>(wire::KmsFrame::kAnswer)) return std::move(frame->body);
  if (broken) *broken = true;
  if (frame->type != static_cast<std::uint8_t>(wire::KmsFrame::kRefused) || frame->body.empty() ||
      frame->body[0] == 0 || frame->body[0] > static_cast<std::uint8_t>(ErrorCode::kInternal)) {
    return Error{ErrorCode::kCorrupt, "gateway.kms.frame"};
  }
  return Error{static_cast<ErrorCode>(frame->body[0]), "gateway.kms.refused",
               std::string(as_text(ByteView(frame->body).subspan(1)).substr(0, 100))};
}

// Descriptor closes what a failed handshake leaves.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

}  // namespace

Result<KmsSession> KmsSession::open(const std::string& socket_path, attest::Attester& attester,
                                    const std::optional<crypto::Ed25519Public>& expected_kms) {
  Descriptor socket{TRY(wire::connect_unix(socket_path))};
  const Bytes nonce_bytes = TRY(exchange(socket.value, wire::KmsFrame::kNonce, {}));
  const wire::SignedNonce nonce = TRY(wire::decode_nonce(nonce_bytes));
  TRY(check_kms(nonce, expected_kms));
  wire::SessionClient client(wire::Role::kGateway, nonce);
  const auto report = client.report_data();
  Bytes evidence = TRY(attester.evidence(attest::ReportData{report.bytes}));
  const Bytes hello = client.hello(std::move(evidence));
  const Bytes accept = TRY(exchange(socket.value, wire::KmsFrame::kHello, hello));
  wire::SessionCipher cipher = TRY(client.accept(accept));
  return KmsSession(std::exchange(socket.value, -1), std::move(cipher), nonce.kms);
}

KmsSession::KmsSession(KmsSession&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      cipher_(std::move(other.cipher_)),
      kms_(other.kms_),
      broken_(other.broken_) {}

KmsSession::~KmsSession() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<wire::Answer> KmsSession::request(const wire::GatewayRequest& request) {
  Bytes encoded = wire::encode(request);
  const WipeAtEnd wipe_encoded(encoded);
  const Bytes sealed = cipher_.seal(encoded);
  const Bytes answer = TRY(exchange(descriptor_, wire::KmsFrame::kMessage, sealed, &broken_));
  auto opened = cipher_.open(answer);
  if (!opened) broken_ = true;
  if (!opened) return opened.error();
  const WipeAtEnd wipe_opened(*opened);
  return wire::decode_answer(*opened);
}

Result<Bytes> KmsSession::evidence(ByteView nonce) {
  return exchange(descriptor_, wire::KmsFrame::kEvidence, nonce);
}

}  // namespace clemmys::gateway
