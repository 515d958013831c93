#include "wire/seal.h"

#include <algorithm>

#include "crypto/crypto.h"

namespace clemmys::wire {
namespace {

Key message_key(const Key& key, const Salt& salt) {
  return crypto::hkdf_sha256(key.view(), salt.view(), as_bytes("clemmys/message/v1"));
}

}  // namespace

void seal_in_place(const Key& key, const Salt& salt, ByteView aad, MutableBytes data_and_tag) {
  const MutableBytes data = data_and_tag.first(data_and_tag.size() - kSealTagSize);
  crypto::AesGcmTag tag;
  crypto::aes256gcm_seal_in_place(message_key(key, salt), {}, aad, data, tag);
  std::ranges::copy(tag.bytes, data_and_tag.last(kSealTagSize).begin());
}

Result<Bytes> open_sealed(const Key& key, const Salt& salt, ByteView aad, ByteView ciphertext_and_tag) {
  return crypto::aes256gcm_open(message_key(key, salt), {}, aad, ciphertext_and_tag);
}

}  // namespace clemmys::wire
