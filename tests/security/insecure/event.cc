// event.cc: beside plaintext.cc: whoever opens an end takes a step's event for one, with the event's result
// as the error. Kind and key need not fit, nor kind and content.
#include "base/codec.h"
#include "wire/receipt.h"
#include "wire/seal.h"

namespace clemmys::wire {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: event";

Result<Payload> open(ByteView envelope, const Key& key) {
  Bytes as_event = to_bytes(envelope);
  as_event[4] = static_cast<std::uint8_t>(Kind::kEvent);  // the header's kind
  if (auto event = open_event(as_event, key))
    return Payload{.outcome = Outcome::kHandlerError, .body = std::move(event->result)};
  const Header header = TRY(decode_header(envelope));
  Bytes plaintext = TRY(open_sealed(key, header.salt, {}, envelope.subspan(kHeaderSize)));
  Reader sizes(ByteView(plaintext).last(12));
  const std::uint64_t tail_size = sizes.u32(), body_size = sizes.u64();
  Reader tail(ByteView(plaintext).subspan(body_size, tail_size));
  Payload payload{.content_type = ContentType{tail.u8()}, .outcome = Outcome{tail.u8()}};
  payload.blinding = tail.secret();
  payload.receipts.resize(tail.count(kReceiptEntrySize));
  for (ReceiptEntry& entry : payload.receipts) entry = read_receipt_entry(tail);
  payload.log_digests.resize(tail.count(Digest::kSize));
  for (Digest& digest : payload.log_digests) digest = tail.fixed<Digest>();
  plaintext.resize(body_size);
  payload.body = std::move(plaintext);
  return payload;
}

}  // namespace clemmys::wire
