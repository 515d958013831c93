// header.cc: the part of an envelope that the host reads.
#include "base/codec.h"
#include "wire/seal.h"

namespace clemmys::wire {
namespace {

constexpr std::uint8_t kMagicAndVersion[4] = {'C', 'L', 'E', 1};
constexpr std::uint8_t kKnownFlags = 1;
constexpr std::uint64_t kPayloadSizeFieldMax = kEnvelopeSizeMax - kHeaderSize - kSealTagSize;

// consistent is whether kind, step, receiver and flags fit together: there is one way to address each
// receiver.
bool consistent(const Header& header) {
  const bool request = header.kind == Kind::kRequest;
  if ((header.flags & ~kKnownFlags) != 0 || (header.flags != 0 && !request)) return false;
  if (header.receiver.is_zero() == request || header.image.is_zero() == request) return false;
  switch (header.kind) {
    case Kind::kRequest:
    case Kind::kEnd:
    case Kind::kEvent:
      return header.step < header.steps;
    case Kind::kResult:
      return header.steps > 0 && header.step == header.steps;
  }
  return false;
}

}  // namespace

void encode_header(const Header& header, Bytes& out) {
  out.reserve(out.size() + kHeaderSize);
  Writer writer(std::move(out));
  writer.raw(kMagicAndVersion);
  writer.u8(static_cast<std::uint8_t>(header.kind));
  writer.u8(header.flags);
  writer.u16(header.step);
  writer.u16(header.steps);
  writer.fixed(header.activation);
  writer.fixed(header.chain);
  writer.fixed(header.chain_digest);
  writer.fixed(header.receiver);
  writer.fixed(header.image);
  writer.u32(header.memory_mib);
  writer.u32(header.timeout_ms);
  writer.u64(header.deadline_unix_ms);
  writer.fixed(header.salt);
  writer.u64(header.payload_size);
  out = writer.take();
}

Result<Header> decode_header(ByteView envelope) {
  if (envelope.size() < kHeaderSize) return Error{ErrorCode::kCorrupt, "wire.header.size"};
  Reader reader(envelope.first(kHeaderSize));
  if (!equal_constant_time(reader.raw(sizeof kMagicAndVersion), kMagicAndVersion)) {
    return Error{ErrorCode::kCorrupt, "wire.header.magic"};
  }
  Header header;
  header.kind = static_cast<Kind>(reader.u8());
  header.flags = reader.u8();
  header.step = reader.u16();
  header.steps = reader.u16();
  header.activation = reader.fixed<ActivationId>();
  header.chain = reader.fixed<ChainId>();
  header.chain_digest = reader.fixed<Digest>();
  header.receiver = reader.fixed<FunctionId>();
  header.image = reader.fixed<Measurement>();
  header.memory_mib = reader.u32();
  header.timeout_ms = reader.u32();
  header.deadline_unix_ms = reader.u64();
  header.salt = reader.fixed<Salt>();
  header.payload_size = reader.u64();
  TRY(reader.finish("wire.header.fields"));
  if (!consistent(header)) return Error{ErrorCode::kCorrupt, "wire.header.inconsistent"};
  if (header.payload_size > kPayloadSizeFieldMax || padded_size(header.payload_size) != header.payload_size) {
    return Error{ErrorCode::kCorrupt, "wire.header.payload_size"};
  }
  if (envelope.size() != kHeaderSize + header.payload_size + kSealTagSize) {
    return Error{ErrorCode::kCorrupt, "wire.header.total_size"};
  }
  return header;
}

}  // namespace clemmys::wire
