#include "crypto/hpke.h"

#include "base/check.h"

namespace clemmys::crypto {
namespace {

// RFC 9180 §7: KEM 0x0020 DHKEM(X25519, HKDF-SHA256); KDF 0x0001 HKDF-SHA256; AEAD 0x0002 AES-256-GCM.
constexpr std::uint8_t kKemSuite[] = {'K', 'E', 'M', 0x00, 0x20};
constexpr std::uint8_t kHpkeSuite[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x02};
constexpr std::string_view kVersion = "HPKE-v1";
constexpr std::uint8_t kModeBase = 0;

// labeled_extract and labeled_expand are §4, "Cryptographic Dependencies".
Key labeled_extract(ByteView suite, ByteView salt, std::string_view label, ByteView input_key) {
  return hmac_sha256(salt, {as_bytes(kVersion), suite, as_bytes(label), input_key});
}

void labeled_expand(ByteView suite, const Key& pseudorandom_key, std::string_view label, ByteView info,
                    MutableBytes out) {
  Bytes labeled_info = {static_cast<std::uint8_t>(out.size() >> 8), static_cast<std::uint8_t>(out.size())};
  for (ByteView part : {as_bytes(kVersion), suite, as_bytes(label), info}) {
    labeled_info.insert(labeled_info.end(), part.begin(), part.end());
  }
  hkdf_expand(pseudorandom_key.view(), labeled_info, out);
}

// shared_secret is ExtractAndExpand of §4.1 with kem_context = enc ‖ recipient.
Key shared_secret(const Key& dh, const X25519Public& enc, const X25519Public& recipient) {
  Bytes kem_context = to_bytes(enc.view());
  kem_context.insert(kem_context.end(), recipient.bytes.begin(), recipient.bytes.end());
  const Key extracted = labeled_extract(kKemSuite, {}, "eae_prk", dh.view());
  Key secret;
  labeled_expand(kKemSuite, extracted, "shared_secret", kem_context, secret.mutable_view());
  return secret;
}

// key_schedule is §5.1 in base mode: no pre-shared key.
HpkeContext key_schedule(const Key& shared, ByteView info) {
  Bytes context = {kModeBase};
  for (const auto& [label, input] :
       {std::pair{std::string_view("psk_id_hash"), ByteView{}}, {"info_hash", info}}) {
    const Key hash = labeled_extract(kHpkeSuite, {}, label, input);
    context.insert(context.end(), hash.view().begin(), hash.view().end());
  }
  const Key secret = labeled_extract(kHpkeSuite, shared.view(), "secret", {});
  Key key, exporter;
  Nonce base_nonce;
  labeled_expand(kHpkeSuite, secret, "key", context, key.mutable_view());
  labeled_expand(kHpkeSuite, secret, "base_nonce", context, base_nonce.bytes);
  labeled_expand(kHpkeSuite, secret, "exp", context, exporter.mutable_view());
  return HpkeContext(std::move(key), base_nonce, std::move(exporter));
}

}  // namespace

HpkeContext::HpkeContext(Key key, Nonce base_nonce, Key exporter_secret)
    : key_(std::move(key)), base_nonce_(base_nonce), exporter_secret_(std::move(exporter_secret)) {}

Nonce HpkeContext::next_nonce() {
  CHECK(sequence_ != ~0ull);
  Nonce nonce = base_nonce_;
  for (std::size_t i = 0; i < sizeof sequence_; ++i) {
    nonce.bytes[Nonce::kSize - 1 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
  }
  return nonce;
}

Bytes HpkeContext::seal(ByteView aad, ByteView plaintext) {
  Bytes out;
  aes256gcm_seal(key_, next_nonce(), aad, plaintext, out);
  ++sequence_;
  return out;
}

Result<Bytes> HpkeContext::open(ByteView aad, ByteView ciphertext) {
  Bytes plaintext = TRY(aes256gcm_open(key_, next_nonce(), aad, ciphertext));
  ++sequence_;  // a refused message does not advance the sequence (§5.2)
  return plaintext;
}

Key HpkeContext::export_secret(ByteView exporter_context) const {
  Key secret;
  labeled_expand(kHpkeSuite, exporter_secret_, "sec", exporter_context, secret.mutable_view());
  return secret;
}

Result<HpkeSender> hpke_setup_sender(const X25519Public& recipient, ByteView info) {
  return hpke_setup_sender(recipient, info, x25519_generate());
}

Result<HpkeSender> hpke_setup_sender(const X25519Public& recipient, ByteView info,
                                     const X25519KeyPair& ephemeral) {
  const Key dh = TRY(x25519_dh(ephemeral.secret, recipient));
  return HpkeSender{ephemeral.public_key,
                    key_schedule(shared_secret(dh, ephemeral.public_key, recipient), info)};
}

Result<HpkeContext> hpke_setup_recipient(const X25519Public& enc, const X25519KeyPair& recipient,
                                         ByteView info) {
  const Key dh = TRY(x25519_dh(recipient.secret, enc));
  return key_schedule(shared_secret(dh, enc, recipient.public_key), info);
}

}  // namespace clemmys::crypto
