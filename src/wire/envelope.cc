#include "wire/envelope.h"

#include <algorithm>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/crypto.h"
#include "wire/receipt.h"
#include "wire/seal.h"

namespace clemmys::wire {
namespace {

constexpr std::size_t kSizesSize =
    sizeof(std::uint32_t) + sizeof(std::uint64_t);  // u32 tail ‖ u64 body, at the very end
constexpr std::uint16_t kStepsMax = 0xffff;

bool fits(Kind kind, Outcome outcome) {
  switch (kind) {
    case Kind::kRequest:
      return outcome == Outcome::kNone;
    case Kind::kResult:
      return outcome == Outcome::kSuccess;
    case Kind::kEnd:
      return is_error(outcome);
    case Kind::kEvent:
      return outcome == Outcome::kSuccess || is_error(outcome);
  }
  return false;
}

bool is_content_type(ContentType type) { return type == ContentType::kJson || type == ContentType::kOctets; }

// seal_parts writes header ‖ body ‖ tail ‖ zeros ‖ sizes into one allocation, and encrypts it in place.
Bytes seal_parts(Header header, const Key& key, std::initializer_list<ByteView> body, ByteView tail) {
  std::uint64_t body_size = 0;
  for (ByteView part : body) body_size += part.size();
  CHECK(body_size <= kPayloadSizeMaxHard + (kPayloadSizeMaxHard >> 1));
  header.salt = crypto::random_fixed<Salt>();
  header.payload_size = padded_size(body_size + tail.size() + kSizesSize);

  const std::size_t total_size = kHeaderSize + header.payload_size + kSealTagSize;
  Bytes out;
  out.reserve(total_size);
  encode_header(header, out);
  for (ByteView part : body) out.insert(out.end(), part.begin(), part.end());
  out.insert(out.end(), tail.begin(), tail.end());
  out.resize(kHeaderSize + header.payload_size - kSizesSize);
  Writer writer(std::move(out));
  writer.u32(static_cast<std::uint32_t>(tail.size()));
  writer.u64(body_size);
  out = writer.take();
  out.resize(total_size);
  seal_in_place(key, header.salt, ByteView(out).first(kHeaderSize), MutableBytes(out).subspan(kHeaderSize));
  return out;
}

// Opened is a decrypted plaintext cut into its parts.
struct Opened {
  Header header;
  Bytes plaintext;  // begins with the body
  std::size_t body_size = 0;
  ByteView tail;

  // take_body leaves the body alone in its buffer and wipes what followed it: no copy of large bodies, no key
  // left behind.
  Bytes take_body() {
    wipe(plaintext.data() + body_size, plaintext.size() - body_size);
    plaintext.resize(body_size);
    return std::move(plaintext);
  }
};

Result<Opened> open_parts(ByteView envelope, const Key& key) {
  Opened opened;
  opened.header = TRY(decode_header(envelope));
  opened.plaintext =
      TRY(open_sealed(key, opened.header.salt, envelope.first(kHeaderSize), envelope.subspan(kHeaderSize)));
  const ByteView plaintext = opened.plaintext;
  Reader sizes(plaintext.last(kSizesSize));
  const std::uint64_t tail_size = sizes.u32(), body_size = sizes.u64();
  const std::uint64_t room = plaintext.size() - kSizesSize;
  if (body_size > room || tail_size > room - body_size)
    return Error{ErrorCode::kCorrupt, "wire.envelope.sizes"};
  const ByteView padding = plaintext.subspan(body_size + tail_size, room - body_size - tail_size);
  if (padded_size(body_size + tail_size + kSizesSize) != plaintext.size() ||
      !std::ranges::all_of(padding, [](std::uint8_t byte) { return byte == 0; })) {
    return Error{ErrorCode::kCorrupt, "wire.envelope.padding"};
  }
  opened.body_size = body_size;
  opened.tail = plaintext.subspan(body_size, tail_size);
  return opened;
}

}  // namespace

Bytes seal(Header header, const Key& key, const Payload& payload) {
  CHECK(header.kind != Kind::kEvent && fits(header.kind, payload.outcome) &&
        is_content_type(payload.content_type));
  CHECK(payload.body.size() <= kPayloadSizeMaxHard && payload.receipts.size() <= kStepsMax);
  Bytes start;
  start.reserve(64 + payload.receipts.size() * kReceiptEntrySize +
                payload.log_digests.size() * Digest::kSize);
  Writer tail(std::move(start));
  tail.u8(static_cast<std::uint8_t>(payload.content_type));
  tail.u8(static_cast<std::uint8_t>(payload.outcome));
  tail.secret(payload.blinding);
  tail.u32(static_cast<std::uint32_t>(payload.receipts.size()));
  for (const ReceiptEntry& entry : payload.receipts) write(tail, entry);
  tail.u32(static_cast<std::uint32_t>(payload.log_digests.size()));
  for (const Digest& digest : payload.log_digests) tail.fixed(digest);
  Bytes tail_bytes = tail.take();
  Bytes envelope = seal_parts(header, key, {payload.body}, tail_bytes);
  wipe(tail_bytes.data(), tail_bytes.size());
  return envelope;
}

Result<Payload> open(ByteView envelope, const Key& key) {
  Opened opened = TRY(open_parts(envelope, key));
  Reader tail(opened.tail);
  Payload payload;
  payload.content_type = static_cast<ContentType>(tail.u8());
  payload.outcome = static_cast<Outcome>(tail.u8());
  payload.blinding = tail.secret();
  payload.receipts.resize(tail.count(kReceiptEntrySize));
  for (ReceiptEntry& entry : payload.receipts) entry = read_receipt_entry(tail);
  payload.log_digests.resize(tail.count(Digest::kSize));
  for (Digest& digest : payload.log_digests) digest = tail.fixed<Digest>();
  TRY(tail.finish("wire.envelope.tail"));
  const Header& header = opened.header;
  if (header.kind == Kind::kEvent || !fits(header.kind, payload.outcome) ||
      !is_content_type(payload.content_type) || payload.receipts.size() > header.steps ||
      payload.log_digests.size() > header.steps) {
    return Error{ErrorCode::kCorrupt, "wire.envelope.inconsistent"};
  }
  payload.body = opened.take_body();
  if (payload.body.size() > kPayloadSizeMaxHard) return Error{ErrorCode::kCorrupt, "wire.envelope.body_size"};
  return payload;
}

Bytes seal_event(Header header, const Key& return_key, const Event& event) {
  header.kind = Kind::kEvent;
  header.flags = 0;
  header.receiver = {};
  header.image = {};
  CHECK(fits(header.kind, event.outcome) && is_content_type(event.result_type));
  Writer tail;
  tail.u8(static_cast<std::uint8_t>(event.outcome));
  tail.u8(static_cast<std::uint8_t>(event.result_type));
  tail.u64(event.start_unix_ms);
  tail.u64(event.end_unix_ms);
  tail.u64(event.init_ms);
  tail.u64(event.log.size());
  return seal_parts(header, return_key, {event.log, event.result}, tail.bytes());
}

Result<Event> open_event(ByteView envelope, const Key& return_key) {
  Opened opened = TRY(open_parts(envelope, return_key));
  Reader tail(opened.tail);
  Event event;
  event.outcome = static_cast<Outcome>(tail.u8());
  event.result_type = static_cast<ContentType>(tail.u8());
  event.start_unix_ms = tail.u64();
  event.end_unix_ms = tail.u64();
  event.init_ms = tail.u64();
  const std::uint64_t log_size = tail.u64();
  TRY(tail.finish("wire.event.tail"));
  if (opened.header.kind != Kind::kEvent || !fits(Kind::kEvent, event.outcome) ||
      !is_content_type(event.result_type) || log_size > opened.body_size) {
    return Error{ErrorCode::kCorrupt, "wire.event.inconsistent"};
  }
  event.result = to_bytes(ByteView(opened.plaintext).subspan(log_size, opened.body_size - log_size));
  event.log = opened.take_body();
  event.log.resize(log_size);
  return event;
}

}  // namespace clemmys::wire
