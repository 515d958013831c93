// crypto.h: the primitives that function enclaves need, as thin typed wrappers over libsodium and Nettle (0.2
// MB in a static image). HPKE (RFC 9180, hpke.h) is composed from them. Any thread may call any function.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"

namespace clemmys::crypto {

// initialize must be called once, first in main; it fails where the CPU lacks AES-NI and PCLMUL.
Status initialize();

// random_bytes fills from the operating system's generator (inside an enclave: RDRAND, by the shield's
// getrandom).
void random_bytes(MutableBytes out);
template <typename Fixed>
Fixed random_fixed() {
  Fixed value;
  random_bytes(value.bytes);
  return value;
}
Key random_key();

Digest sha256(ByteView data);
// sha256 of a concatenation, without copying it together.
Digest sha256(std::initializer_list<ByteView> parts);
FixedBytes<64, struct Sha512Tag> sha512(std::initializer_list<ByteView> parts);
Key hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);
// keyed_digest is keyed BLAKE2b-256 (RFC 7693): a MAC over large data, five times as fast as SHA-256 without
// SHA extensions.
Digest keyed_digest(const Key& key, ByteView data);

// hkdf_sha256 is RFC 5869 extract-and-expand to 32 bytes.
Key hkdf_sha256(ByteView input_key, ByteView salt, ByteView info);
// hkdf_expand is the expand step alone, up to 255 × 32 bytes.
void hkdf_expand(ByteView pseudorandom_key, ByteView info, MutableBytes out);

inline constexpr std::size_t kTagSize = 16;
// aes256gcm_seal appends ciphertext ‖ tag (16 bytes) to `out`. A (key, nonce) pair must never repeat.
using Nonce = FixedBytes<12, struct NonceTag>;
void aes256gcm_seal(const Key& key, const Nonce& nonce, ByteView aad, ByteView plaintext, Bytes& out);
// aes256gcm_seal_in_place encrypts `data` where it is and gives the tag apart.
using AesGcmTag = FixedBytes<kTagSize, struct AesGcmTagTag>;
void aes256gcm_seal_in_place(const Key& key, const Nonce& nonce, ByteView aad, MutableBytes data,
                             AesGcmTag& tag);
// aes256gcm_open gives kCorrupt when anything was changed.
Result<Bytes> aes256gcm_open(const Key& key, const Nonce& nonce, ByteView aad, ByteView ciphertext_and_tag);

// X25519 (RFC 7748). dh refuses a peer key that gives the all-zero result.
using X25519Public = FixedBytes<32, struct X25519PublicTag>;
struct X25519KeyPair {
  Key secret;
  X25519Public public_key;
};
X25519KeyPair x25519_generate();
X25519KeyPair x25519_from_secret(Key secret);
Result<Key> x25519_dh(const Key& secret, const X25519Public& peer);

// Ed25519 (RFC 8032).
using Ed25519Public = FixedBytes<32, struct Ed25519PublicTag>;
using Ed25519Signature = FixedBytes<64, struct Ed25519SignatureTag>;
struct Ed25519KeyPair {
  Secret<64> secret;
  Ed25519Public public_key;
};
Ed25519KeyPair ed25519_from_seed(const Key& seed);
Ed25519Signature ed25519_sign(const Ed25519KeyPair& key, ByteView message);
bool ed25519_verify(const Ed25519Public& key, ByteView message, const Ed25519Signature& signature);

}  // namespace clemmys::crypto
