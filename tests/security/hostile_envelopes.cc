#include "hostile_envelopes.h"

#include <algorithm>

#include "base/codec.h"
#include "crypto/crypto.h"

namespace clemmys::testing {

Bytes relabel(ByteView envelope, const std::function<void(wire::Header&)>& change) {
  wire::Header header = *wire::decode_header(envelope);
  change(header);
  Bytes out;
  wire::encode_header(header, out);
  const ByteView payload = envelope.subspan(wire::kHeaderSize);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes flip(ByteView envelope, long bit) {
  Bytes out = to_bytes(envelope);
  const long bits = static_cast<long>(out.size()) * 8, place = bit < 0 ? bits + bit : bit;
  out[static_cast<std::size_t>(place / 8)] ^= static_cast<std::uint8_t>(1 << (place % 8));
  return out;
}

Bytes splice(ByteView envelope, ByteView other) {
  Bytes out = to_bytes(envelope);
  const std::size_t half = wire::kHeaderSize + (out.size() - wire::kHeaderSize) / 2;
  std::ranges::copy(other.subspan(half), out.begin() + static_cast<std::ptrdiff_t>(half));
  return out;
}

Bytes as_answer(ByteView request) {
  Bytes out = relabel(request, [](wire::Header& h) {
    h.kind = wire::Kind::kResult;
    h.step = h.steps;
    h.receiver = {};
    h.image = {};
    h.memory_mib = h.timeout_ms = 0;
  });
  // Plaintext: body ‖ content type ‖ outcome ‖ … ‖ u64 body size ‖ tag (envelope.cc).
  Reader size(ByteView(out).last(crypto::kTagSize + sizeof(std::uint64_t)));
  const std::uint64_t body_size = size.u64();
  if (body_size < out.size() - wire::kHeaderSize - crypto::kTagSize)
    out[wire::kHeaderSize + body_size + 1] = static_cast<std::uint8_t>(wire::Outcome::kSuccess);
  return out;
}

const Reroute* reroute_of(std::string_view attack) {
  static constexpr Reroute kReroutes[] = {
      {"skip", 1, 2, false},  {"skip-relabelled", 1, 2, true},
      {"again", 2, 1, false}, {"again-relabelled", 2, 1, true},
      {"back", 2, 0, false},  {"back-relabelled", 2, 0, true},
  };
  const auto* found = std::ranges::find(kReroutes, attack, &Reroute::attack);
  return found == std::end(kReroutes) ? nullptr : found;
}

}  // namespace clemmys::testing
