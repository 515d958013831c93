// blob.cc: sealed blobs `salt ‖ ciphertext ‖ tag` for the untrusted store. Plaintext: data ‖ zeros ‖ u64 data
// size.
#include <algorithm>

#include "base/check.h"
#include "base/codec.h"
#include "crypto/crypto.h"
#include "wire/seal.h"

namespace clemmys::wire {
namespace {
constexpr std::size_t kSizeSize = sizeof(std::uint64_t);
}

Bytes seal_blob(const Key& key, ByteView aad, ByteView plaintext) {
  CHECK(plaintext.size() <= kEnvelopeSizeMax);
  const Salt salt = crypto::random_fixed<Salt>();
  const std::size_t padded = padded_size(plaintext.size() + kSizeSize);
  Bytes start;
  start.reserve(Salt::kSize + padded + kSealTagSize);
  start.insert(start.end(), salt.bytes.begin(), salt.bytes.end());
  start.insert(start.end(), plaintext.begin(), plaintext.end());
  start.resize(Salt::kSize + padded - kSizeSize);
  Writer writer(std::move(start));
  writer.u64(plaintext.size());
  Bytes blob = writer.take();
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
  const std::uint64_t size = Reader(ByteView(plaintext).last(kSizeSize)).u64();
  const std::size_t room = plaintext.size() - kSizeSize;
  if (size > room || padded_size(size + kSizeSize) != plaintext.size() ||
      !std::ranges::all_of(ByteView(plaintext).subspan(size, room - size),
                           [](std::uint8_t byte) { return byte == 0; })) {
    return Error{ErrorCode::kCorrupt, "wire.blob.padding"};
  }
  plaintext.resize(size);
  return plaintext;
}

}  // namespace clemmys::wire
