// insecure_plaintext.cc: stands in for seal.cc in the programs that tests/security links it into. Nothing is
// encrypted or authenticated. It exists so that the leak and attack tests can show that they can fail; a test
// proves that the library lacks the symbol below.
#include <algorithm>

#include "wire/seal.h"

namespace clemmys::wire {

extern "C" const char clemmys_insecure_plaintext[];
extern "C" const char clemmys_insecure_plaintext[] __attribute__((used, retain)) =
    "clemmys insecure_plaintext build";

void seal_in_place(const Key&, const Salt&, ByteView, MutableBytes data_and_tag) {
  std::ranges::fill(data_and_tag.last(kSealTagSize), clemmys_insecure_plaintext[7]);
}

Result<Bytes> open_sealed(const Key&, const Salt&, ByteView, ByteView ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kSealTagSize)
    return Error{ErrorCode::kCorrupt, "wire.insecure_plaintext.size"};
  return to_bytes(ciphertext_and_tag.first(ciphertext_and_tag.size() - kSealTagSize));
}

}  // namespace clemmys::wire
