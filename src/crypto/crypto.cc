#include "crypto/crypto.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"

namespace clemmys::crypto {
namespace {

// pointer_of is never null, also for empty views: libsodium declares its inputs non-null.
const std::uint8_t* pointer_of(ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;
  return bytes.data() != nullptr ? bytes.data() : &kNothing;
}

template <typename Update>
void for_each_part(std::initializer_list<ByteView> parts, Update update) {
  for (ByteView part : parts) {
    if (!part.empty()) update(part.data(), part.size());
  }
}

}  // namespace

Status initialize() {
  if (sodium_init() < 0) return Error{ErrorCode::kInternal, "crypto.initialize.sodium"};
  if (crypto_aead_aes256gcm_is_available() == 0) {
    return Error{ErrorCode::kUnsupported, "crypto.initialize.aes", "the CPU lacks AES-NI or PCLMULQDQ"};
  }
  return {};
}

void random_bytes(MutableBytes out) { randombytes_buf(out.data(), out.size()); }

Key random_key() {
  Key key;
  random_bytes(key.mutable_view());
  return key;
}

Digest sha256(ByteView data) { return sha256({data}); }

Digest sha256(std::initializer_list<ByteView> parts) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for_each_part(parts, [&](const std::uint8_t* data, std::size_t size) {
    crypto_hash_sha256_update(&state, data, size);
  });
  Digest digest;
  crypto_hash_sha256_final(&state, digest.bytes.data());
  return digest;
}

FixedBytes<64, struct Sha512Tag> sha512(std::initializer_list<ByteView> parts) {
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  for_each_part(parts, [&](const std::uint8_t* data, std::size_t size) {
    crypto_hash_sha512_update(&state, data, size);
  });
  FixedBytes<64, Sha512Tag> digest;
  crypto_hash_sha512_final(&state, digest.bytes.data());
  return digest;
}

Key hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, pointer_of(key), key.size());
  for_each_part(parts, [&](const std::uint8_t* data, std::size_t size) {
    crypto_auth_hmacsha256_update(&state, data, size);
  });
  Key mac;
  crypto_auth_hmacsha256_final(&state, mac.mutable_view().data());
  wipe(&state, sizeof state);
  return mac;
}

Digest keyed_digest(const Key& key, ByteView data) {
  Digest digest;
  CHECK(crypto_generichash_blake2b(digest.bytes.data(), Digest::kSize, pointer_of(data), data.size(),
                                   key.view().data(), Key::kSize) == 0);
  return digest;
}

Key hkdf_sha256(ByteView input_key, ByteView salt, ByteView info) {
  const Key pseudorandom_key = hmac_sha256(salt, {input_key});
  static constexpr std::uint8_t kFirstBlock[] = {1};
  return hmac_sha256(pseudorandom_key.view(), {info, kFirstBlock});
}

void hkdf_expand(ByteView pseudorandom_key, ByteView info, MutableBytes out) {
  CHECK(out.size() <= 255 * Key::kSize);
  Key block;
  ByteView previous;  // T(0) is empty
  for (std::uint8_t counter = 1; !out.empty(); ++counter) {
    block = hmac_sha256(pseudorandom_key, {previous, info, ByteView(&counter, 1)});
    previous = block.view();
    const std::size_t size = std::min(out.size(), Key::kSize);
    std::memcpy(out.data(), block.view().data(), size);
    out = out.subspan(size);
  }
}

void aes256gcm_seal_in_place(const Key& key, const Nonce& nonce, ByteView aad, MutableBytes data,
                             AesGcmTag& tag) {
  CHECK(crypto_aead_aes256gcm_encrypt_detached(data.data(), tag.bytes.data(), nullptr, data.data(),
                                               data.size(), aad.data(), aad.size(), nullptr,
                                               nonce.bytes.data(), key.view().data()) == 0);
}

void aes256gcm_seal(const Key& key, const Nonce& nonce, ByteView aad, ByteView plaintext, Bytes& out) {
  const std::size_t start = out.size();
  out.resize(start + plaintext.size() + kTagSize);
  std::uint8_t* ciphertext = out.data() + start;
  CHECK(crypto_aead_aes256gcm_encrypt_detached(ciphertext, ciphertext + plaintext.size(), nullptr,
                                               plaintext.data(), plaintext.size(), aad.data(), aad.size(),
                                               nullptr, nonce.bytes.data(), key.view().data()) == 0);
}

Result<Bytes> aes256gcm_open(const Key& key, const Nonce& nonce, ByteView aad, ByteView ciphertext_and_tag) {
  if (ciphertext_and_tag.size() < kTagSize) return Error{ErrorCode::kCorrupt, "crypto.aes256gcm.size"};
  const ByteView ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kTagSize);
  const std::uint8_t* tag = ciphertext_and_tag.data() + ciphertext.size();
  Bytes plaintext(ciphertext.size());
  if (crypto_aead_aes256gcm_decrypt_detached(plaintext.data(), nullptr, ciphertext.data(), ciphertext.size(),
                                             tag, aad.data(), aad.size(), nonce.bytes.data(),
                                             key.view().data()) != 0) {
    return Error{ErrorCode::kCorrupt, "crypto.aes256gcm.tag"};
  }
  return plaintext;
}

X25519KeyPair x25519_generate() { return x25519_from_secret(random_key()); }

X25519KeyPair x25519_from_secret(Key secret) {
  X25519KeyPair pair{std::move(secret), {}};
  crypto_scalarmult_base(pair.public_key.bytes.data(), pair.secret.view().data());
  return pair;
}

Result<Key> x25519_dh(const Key& secret, const X25519Public& peer) {
  Key shared;
  if (crypto_scalarmult(shared.mutable_view().data(), secret.view().data(), peer.bytes.data()) != 0) {
    return Error{ErrorCode::kCorrupt, "crypto.x25519.small_order"};
  }
  return shared;
}

Ed25519KeyPair ed25519_from_seed(const Key& seed) {
  Ed25519KeyPair pair;
  crypto_sign_seed_keypair(pair.public_key.bytes.data(), pair.secret.mutable_view().data(),
                           seed.view().data());
  return pair;
}

Ed25519Signature ed25519_sign(const Ed25519KeyPair& key, ByteView message) {
  Ed25519Signature signature;
  crypto_sign_detached(signature.bytes.data(), nullptr, pointer_of(message), message.size(),
                       key.secret.view().data());
  return signature;
}

bool ed25519_verify(const Ed25519Public& key, ByteView message, const Ed25519Signature& signature) {
  return crypto_sign_verify_detached(signature.bytes.data(), pointer_of(message), message.size(),
                                     key.bytes.data()) == 0;
}

}  // namespace clemmys::crypto
