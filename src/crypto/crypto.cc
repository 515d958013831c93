#include "crypto/crypto.h"

#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <sodium.h>

#include "base/check.h"

#undef hkdf_expand  // of nettle/hkdf.h, for nettle_hkdf_expand

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

// HmacState wipes what was derived from a key.
class HmacState {
 public:
  explicit HmacState(ByteView key) { hmac_sha256_set_key(&state_, key.size(), pointer_of(key)); }
  ~HmacState() { wipe(&state_, sizeof state_); }
  HmacState(const HmacState&) = delete;
  HmacState& operator=(const HmacState&) = delete;
  hmac_sha256_ctx* get() { return &state_; }

 private:
  hmac_sha256_ctx state_;
};

// Nettle's generic HKDF takes the hash by these; a cast of its functions to them would be undefined.
void update_hmac(void* state, std::size_t size, const std::uint8_t* data) {
  hmac_sha256_update(static_cast<hmac_sha256_ctx*>(state), size, data);
}
void digest_hmac(void* state, std::size_t size, std::uint8_t* digest) {
  hmac_sha256_digest(static_cast<hmac_sha256_ctx*>(state), size, digest);
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
  sha256_ctx state;
  sha256_init(&state);
  for_each_part(parts,
                [&](const std::uint8_t* data, std::size_t size) { sha256_update(&state, size, data); });
  Digest digest;
  sha256_digest(&state, Digest::kSize, digest.bytes.data());
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
  HmacState state(key);
  for_each_part(parts, [&](const std::uint8_t* data, std::size_t size) {
    hmac_sha256_update(state.get(), size, data);
  });
  Key mac;
  hmac_sha256_digest(state.get(), Key::kSize, mac.mutable_view().data());
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
  Key key;
  hkdf_expand(pseudorandom_key.view(), info, key.mutable_view());
  return key;
}

void hkdf_expand(ByteView pseudorandom_key, ByteView info, MutableBytes out) {
  CHECK(out.size() <= 255 * Key::kSize);
  HmacState state(pseudorandom_key);
  nettle_hkdf_expand(state.get(), update_hmac, digest_hmac, Key::kSize, info.size(), pointer_of(info),
                     out.size(), out.data());
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
