// envelope.h: the message that carries a step's data through the untrusted controller: `header ‖ ciphertext ‖
// tag`. The host reads the header only; it is authenticated byte for byte as sent. Promises:
// SPECIFICATION.md, "Messages and chains".
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"

namespace clemmys::wire {

enum class Kind : std::uint8_t { kRequest = 1, kResult = 2, kEnd = 3, kEvent = 4 };
enum class ContentType : std::uint8_t { kJson = 1, kOctets = 2 };

using Salt = FixedBytes<24, struct SaltTag>;

struct Header {
  Kind kind = Kind::kRequest;
  std::uint8_t flags = 0;             // bit 0: request fresh start (none used yet); unknown bits are refused
  std::uint16_t step = 0, steps = 0;  // receiver's position (sender's for end and event); chain length
  ActivationId activation;
  ChainId chain;
  Digest chain_digest;
  FunctionId receiver;  // zero: the gateway
  Measurement image;    // zero when the receiver is the gateway
  std::uint32_t memory_mib = 0, timeout_ms = 0;
  std::uint64_t deadline_unix_ms = 0;
  Salt salt;
  std::uint64_t payload_size = 0;  // size of the ciphertext without tag, padded
  bool operator==(const Header&) const = default;
};
inline constexpr std::size_t kHeaderSize = 170;
inline constexpr std::size_t kPayloadSizeMaxDefault = 1u << 20;  // OpenWhisk's limit
inline constexpr std::size_t kPayloadSizeMaxHard = 48u << 20;
inline constexpr std::size_t kEnvelopeSizeMax = kHeaderSize + 2 * kPayloadSizeMaxHard;

// ReceiptEntry is one step's claim; `mac` is under the step's receipt key (docs/secrets.md).
struct ReceiptEntry {
  FunctionId function;
  Measurement image;
  Digest code;
  Digest input, output;      // keyed digests under the activation's blinding key
  std::uint64_t cpu_ns = 0;  // claimed
  Salt salt;
  FixedBytes<32, struct ReceiptMacTag> mac;
  bool operator==(const ReceiptEntry&) const = default;
};

// Payload is what is inside: plaintext = body ‖ tail ‖ zeros ‖ u32 tail size ‖ u64 body size, where tail is
// every other field. Kind and outcome fit: a request has none, a result success, an end one of the errors.
// kTimeExceeded: the runtime's fault for a step that met its time limit inside.
enum class Outcome : std::uint8_t {
  kNone = 0,
  kSuccess = 1,
  kHandlerError = 2,
  kRuntimeFault = 3,
  kTimeExceeded = 4
};
constexpr bool is_error(Outcome outcome) {
  return outcome >= Outcome::kHandlerError && outcome <= Outcome::kTimeExceeded;
}
struct Payload {
  ContentType content_type = ContentType::kJson;
  Outcome outcome = Outcome::kNone;
  Bytes body;
  Key blinding;  // per-activation blinding key, made by the gateway, copied by every step
  std::vector<ReceiptEntry> receipts;
  std::vector<Digest> log_digests;  // one per finished step: SHA-256 of the event's log blob
};

// decode_header reads the first kHeaderSize bytes and checks the total length: header + payload_size + tag,
// exactly. It refuses headers whose fields do not fit together: receiver and image are zero exactly when the
// gateway receives; a request, end or event has step < steps, a result step = steps.
Result<Header> decode_header(ByteView envelope);
void encode_header(const Header& header, Bytes& out);

// seal fills salt (random) and payload_size and returns the envelope under HKDF(key, salt). The caller chose
// the right key for kind.
Bytes seal(Header header, const Key& key, const Payload& payload);
// open authenticates and decodes. kCorrupt for anything that is not exactly what seal made under this key.
// Events: open_event.
Result<Payload> open(ByteView envelope, const Key& key);

// Event is the payload of kind event: a step's own record.
struct Event {
  Outcome outcome = Outcome::kNone;
  std::uint64_t start_unix_ms = 0, end_unix_ms = 0;
  std::uint64_t init_ms = 0;  // > 0 only on a cold start
  Bytes log;                  // lines "<ISO time> stdout|stderr: text\n"
  Bytes result;               // the step's own result (bounded)
  ContentType result_type = ContentType::kJson;
};
// seal_event sets the header's kind; receiver and image are zeroed, for the gateway receives.
Bytes seal_event(Header header, const Key& return_key, const Event& event);
Result<Event> open_event(ByteView envelope, const Key& return_key);

// Edge, return and receipt keys (docs/secrets.md).
Key edge_key(const Key& chain_secret, const Digest& chain_digest, std::uint16_t edge);
Key return_key(const Key& chain_secret, const Digest& chain_digest, std::uint16_t step);
Key receipt_key(const Key& return_key_of_step);
// new_activation_id begins with the time, as UUIDv7 does (RFC 9562, 5.7), so that the store's index grows at
// its end. The other 80 bits are random: the time is the host's to choose, and an id must be new all the
// same.
ActivationId new_activation_id(std::uint64_t unix_ms);
// component_activation is the activation id that clients see for step i of a sequence.
ActivationId component_activation(const Key& return_key_of_step, const ActivationId& activation);
// make_receipt and receipt_is_genuine derive the step's receipt key; sign_receipt and receipt_is_signed take
// it, for who signs or checks often.
ReceiptEntry make_receipt(const Key& return_key_of_step, const Header& request, const Key& blinding,
                          FunctionId function, Measurement image, Digest code, ByteView input,
                          ByteView output, std::uint64_t cpu_ns);
ReceiptEntry sign_receipt(const Key& receipt_key_of_step, const Header& request, const Key& blinding,
                          FunctionId function, Measurement image, Digest code, ByteView input,
                          ByteView output, std::uint64_t cpu_ns);
bool receipt_is_genuine(const Key& return_key_of_step, const Header& request, std::uint16_t step,
                        const ReceiptEntry& entry);
bool receipt_is_signed(const Key& receipt_key_of_step, const Header& request, std::uint16_t step,
                       const ReceiptEntry& entry);

// Sealed blobs for the untrusted store (activation records, code): `salt ‖ ciphertext ‖ tag`, padded, with
// `aad` bound in.
Bytes seal_blob(const Key& key, ByteView aad, ByteView plaintext);
Result<Bytes> open_blob(const Key& key, ByteView aad, ByteView blob);

}  // namespace clemmys::wire
