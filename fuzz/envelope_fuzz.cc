// Envelopes, events and blobs. The input is tried as it is (no key opens it), and as a plaintext under the
// right key: what opens must be the one plaintext that sealing writes.
#include <algorithm>

#include "crypto/crypto.h"
#include "fuzz.h"
#include "wire/seal.h"

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t { kRaw, kRequest, kResult, kEnd, kEvent, kBlob, kSelectors };

const Key& key() {
  static const Key kKey = crypto::hkdf_sha256(as_bytes("fuzz"), {}, {});
  return kKey;
}

wire::Header header_of(wire::Kind kind) {
  wire::Header header;
  header.kind = kind;
  header.steps = 2;
  header.step = kind == wire::Kind::kResult ? 2 : 1;
  if (kind == wire::Kind::kRequest) header.receiver.bytes[0] = header.image.bytes[0] = 1;
  return header;
}

Bytes sealed_around(wire::Header header, ByteView plaintext) {
  header.payload_size = plaintext.size();
  Bytes envelope;
  wire::encode_header(header, envelope);
  envelope.insert(envelope.end(), plaintext.begin(), plaintext.end());
  envelope.resize(envelope.size() + wire::kSealTagSize);
  wire::seal_in_place(key(), header.salt, ByteView(envelope).first(wire::kHeaderSize),
                      MutableBytes(envelope).subspan(wire::kHeaderSize));
  return envelope;
}

Bytes plaintext_of(ByteView envelope) {
  const wire::Header header = wire::decode_header(envelope).value();
  return wire::open_sealed(key(), header.salt, envelope.first(wire::kHeaderSize),
                           envelope.subspan(wire::kHeaderSize))
      .value();
}

void try_raw(ByteView input) {
  if (auto header = wire::decode_header(input)) {
    Bytes again;
    wire::encode_header(*header, again);
    CHECK(equal_constant_time(again, input.first(wire::kHeaderSize)));
  }
  CHECK(!wire::open(input, key()) && !wire::open_event(input, key()) && !wire::open_blob(key(), {}, input));
}

void try_payload(wire::Kind kind, ByteView plaintext) {
  const Bytes envelope = sealed_around(header_of(kind), plaintext);
  auto payload = wire::open(envelope, key());
  if (payload)
    CHECK(equal_constant_time(plaintext_of(wire::seal(header_of(kind), key(), *payload)), plaintext));
  CHECK(!wire::open_event(envelope, key()));
}

void try_event(ByteView plaintext) {
  const Bytes envelope = sealed_around(header_of(wire::Kind::kEvent), plaintext);
  auto event = wire::open_event(envelope, key());
  if (event)
    CHECK(equal_constant_time(plaintext_of(wire::seal_event(header_of(wire::Kind::kEvent), key(), *event)),
                              plaintext));
  CHECK(!wire::open(envelope, key()));
}

void try_blob(ByteView plaintext) {
  Bytes blob(wire::Salt::kSize + plaintext.size() + wire::kSealTagSize);
  std::ranges::copy(plaintext, blob.begin() + wire::Salt::kSize);
  wire::seal_in_place(key(), {}, {}, MutableBytes(blob).subspan(wire::Salt::kSize));
  auto data = wire::open_blob(key(), {}, blob);
  if (!data) return;
  const Bytes again = wire::seal_blob(key(), {}, *data);
  const wire::Salt salt = wire::Salt::from(ByteView(again).first(wire::Salt::kSize)).value();
  CHECK(equal_constant_time(
      wire::open_sealed(key(), salt, {}, ByteView(again).subspan(wire::Salt::kSize)).value(), plaintext));
}

}  // namespace

std::vector<Bytes> seeds() {
  wire::Payload payload;
  payload.body = to_bytes(R"({"n":1})");
  payload.receipts.resize(1);
  payload.log_digests.resize(1);
  const Bytes request = wire::seal(header_of(wire::Kind::kRequest), key(), payload);
  std::vector<Bytes> all = {tagged(kRaw, ByteView(request).first(wire::kHeaderSize)),
                            tagged(kRequest, plaintext_of(request))};
  payload.outcome = wire::Outcome::kSuccess;
  all.push_back(tagged(kResult, plaintext_of(wire::seal(header_of(wire::Kind::kResult), key(), payload))));
  payload.outcome = wire::Outcome::kRuntimeFault;
  all.push_back(tagged(kEnd, plaintext_of(wire::seal(header_of(wire::Kind::kEnd), key(), payload))));
  wire::Event event;
  event.outcome = wire::Outcome::kSuccess;
  event.log = to_bytes("log");
  event.result = to_bytes("{}");
  all.push_back(tagged(kEvent, plaintext_of(wire::seal_event(header_of(wire::Kind::kEvent), key(), event))));
  Bytes blob(wire::kPaddedSizeMin);
  blob[0] = 'x';
  blob[blob.size() - 8] = 1;
  all.push_back(tagged(kBlob, blob));
  return all;
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  static const bool kReady = clemmys::crypto::initialize().has_value();
  CHECK(kReady);
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kRaw:
      try_raw(input);
      break;
    case kRequest:
      try_payload(clemmys::wire::Kind::kRequest, input);
      break;
    case kResult:
      try_payload(clemmys::wire::Kind::kResult, input);
      break;
    case kEnd:
      try_payload(clemmys::wire::Kind::kEnd, input);
      break;
    case kEvent:
      try_event(input);
      break;
    default:
      try_blob(input);
      break;
  }
  return 0;
}
