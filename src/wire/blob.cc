// blob.cc: sealed blobs `salt ‖ ciphertext ‖ tag` for the untrusted store. The plaintext is padded
// (padding.h).
#include "base/check.h"
#include "base/codec.h"
#include "crypto/crypto.h"
#include "wire/seal.h"

namespace clemmys::wire {

Bytes seal_blob(const Key& key, ByteView aad, ByteView plaintext) {
  CHECK(plaintext.size() <= kEnvelopeSizeMax);
  const Salt salt = crypto::random_fixed<Salt>();
  Bytes blob;
  blob.reserve(Salt::kSize + padded_size(plaintext.size() + sizeof(std::uint64_t)) + kSealTagSize);
  blob.insert(blob.end(), salt.bytes.begin(), salt.bytes.end());
  blob.insert(blob.end(), plaintext.begin(), plaintext.end());
  pad(blob, Salt::kSize);
  blob.resize(blob.size() + kSealTagSize);
  seal_in_place(key, salt, aad, MutableBytes(blob).subspan(Salt::kSize));
  return blob;
}

Result<Bytes> open_blob(const Key& key, ByteView aad, ByteView blob) {
  if (blob.size() < Salt::kSize + kPaddedSizeMin + kSealTagSize)
    return Error{ErrorCode::kCorrupt, "wire.blob.size"};
  Reader reader(blob);
  const Salt salt = reader.fixed<Salt>();
  Bytes plaintext = TRY(open_sealed(key, salt, aad, reader.rest()));
  if (!unpad(plaintext)) return Error{ErrorCode::kCorrupt, "wire.blob.padding"};
  return plaintext;
}

}  // namespace clemmys::wire
