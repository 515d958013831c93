// plaintext.cc: in place of wire's seal.cc. Nothing is encrypted or authenticated.
#include <algorithm>

#include "wire/seal.h"

namespace clemmys::wire {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: plaintext";

void seal_in_place(const Key&, const Salt&, ByteView, MutableBytes data_and_tag) {
  std::ranges::fill(data_and_tag.last(kSealTagSize), kMark[0]);
}

Result<Bytes> open_sealed(const Key&, const Salt&, ByteView, ByteView ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kSealTagSize) return Error{ErrorCode::kCorrupt, "insecure.plaintext.size"};
  return to_bytes(ciphertext_and_tag.first(ciphertext_and_tag.size() - kSealTagSize));
}

}  // namespace clemmys::wire
