// hostile_envelopes.h: what a host can do to an envelope whose payload it cannot read.
#pragma once

#include <functional>

#include "wire/envelope.h"

namespace clemmys::testing {

// relabel gives the same payload under another header.
Bytes relabel(ByteView envelope, const std::function<void(wire::Header&)>& change);

// flip changes one bit: counted from the front, or, when negative, from the end.
Bytes flip(ByteView envelope, long bit);

// splice gives the first half of one payload and the second half of another of the same size, under the
// first's header. Receipts, log digests and the tag are in the second half.
Bytes splice(ByteView envelope, ByteView other);

// as_answer makes a request for a later step look like the chain's result: in the header, and, where the
// payload can be read, in the outcome inside.
Bytes as_answer(ByteView request);

// Reroute takes the envelope for step `from` to the instance of step `to`, as it is or with that step in its
// header.
struct Reroute {
  std::string_view attack;
  std::uint16_t from, to;
  bool relabelled;
};
// reroute_of is null when the attack is another.
const Reroute* reroute_of(std::string_view attack);

}  // namespace clemmys::testing
