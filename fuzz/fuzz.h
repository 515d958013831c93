// fuzz.h: what a fuzz target shares with its driver: libFuzzer, or replay.cc in ordinary builds.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/secret.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace clemmys::fuzz {

// seeds gives valid inputs of the target to start from; replay.cc --write-seeds puts them into the corpus.
std::vector<Bytes> seeds();

// tagged puts a selector byte before an input.
inline Bytes tagged(std::uint8_t selector, ByteView input) {
  Bytes out = {selector};
  out.insert(out.end(), input.begin(), input.end());
  return out;
}

// check_one_encoding: what `decode` accepts must encode to the same bytes.
template <typename Decode>
void check_one_encoding(ByteView input, Decode decode) {
  auto value = decode(input);
  if (value) CHECK(equal_constant_time(encode(*value), input));
}

}  // namespace clemmys::fuzz
