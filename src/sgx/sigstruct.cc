#include "sgx/sigstruct.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>

namespace clemmys::sgx {
namespace {

constexpr std::size_t kRsaSize = 384;

template <auto Free>
struct Deleter {
  void operator()(auto* pointer) const { Free(pointer); }
};
using Pkey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Deleter<BN_CTX_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

Error failed(std::string_view site) { return {ErrorCode::kInternal, site}; }
Error refused(std::string detail) { return {ErrorCode::kInvalid, "sgx.sigstruct.check", std::move(detail)}; }

Number number(const std::uint8_t (&little_endian)[kRsaSize]) {
  return Number(BN_lebin2bn(little_endian, kRsaSize, nullptr));
}

std::array<std::uint8_t, 32> digest_of(const Sigstruct& sigstruct) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&sigstruct);
  std::array<std::uint8_t, kSigstructSigned1Size + kSigstructSigned2Size> message;
  std::copy_n(bytes, kSigstructSigned1Size, message.begin());
  std::copy_n(bytes + kSigstructSigned2Offset, kSigstructSigned2Size,
              message.begin() + kSigstructSigned1Size);
  std::array<std::uint8_t, 32> digest;
  SHA256(message.data(), message.size(), digest.data());
  return digest;
}

struct Quotients {
  std::uint8_t q1[kRsaSize], q2[kRsaSize];
};

// quotients_of computes q1 = s² / n and q2 = (s² mod n)·s / n. Needs n ≠ 0 and s < n.
Result<Quotients> quotients_of(const BIGNUM* s, const BIGNUM* n) {
  NumberContext context(BN_CTX_new());
  Number square(BN_new()), q1(BN_new()), rest(BN_new()), product(BN_new()), q2(BN_new());
  Quotients out;
  const bool good = BN_sqr(square.get(), s, context.get()) &&
                    BN_div(q1.get(), rest.get(), square.get(), n, context.get()) &&
                    BN_mul(product.get(), rest.get(), s, context.get()) &&
                    BN_div(q2.get(), nullptr, product.get(), n, context.get()) &&
                    BN_bn2lebinpad(q1.get(), out.q1, kRsaSize) == static_cast<int>(kRsaSize) &&
                    BN_bn2lebinpad(q2.get(), out.q2, kRsaSize) == static_cast<int>(kRsaSize);
  if (!good) return failed("sgx.sigstruct.quotients");
  return out;
}

bool prepare(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0 &&
         EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) > 0;
}

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

// public_key is the RSA key that a SIGSTRUCT carries.
Pkey public_key(const BIGNUM* modulus) {
  std::array<std::uint8_t, kRsaSize> native_modulus;
  unsigned exponent = 3;
  EVP_PKEY* key = nullptr;
  if (BN_bn2nativepad(modulus, native_modulus.data(), kRsaSize) != static_cast<int>(kRsaSize)) return nullptr;
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native_modulus.data(), kRsaSize),
                             OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent),
                             OSSL_PARAM_construct_end()};
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (!context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
    return nullptr;
  return Pkey(key);
}

bool signature_holds(const Sigstruct& sigstruct, const BIGNUM* modulus, const BIGNUM* signature) {
  std::array<std::uint8_t, kRsaSize> big_endian;
  const auto digest = digest_of(sigstruct);
  const Pkey key = public_key(modulus);
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  return key && context &&
         BN_bn2binpad(signature, big_endian.data(), kRsaSize) == static_cast<int>(kRsaSize) &&
         EVP_PKEY_verify_init(context.get()) > 0 && prepare(context.get()) &&
         EVP_PKEY_verify(context.get(), big_endian.data(), kRsaSize, digest.data(), digest.size()) == 1;
}

}  // namespace

struct SigningKey::Impl {
  Pkey key;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::generate() {
  PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  Number exponent(BN_new());
  EVP_PKEY* key = nullptr;
  if (!context || !BN_set_word(exponent.get(), 3) || EVP_PKEY_keygen_init(context.get()) <= 0 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 3072) <= 0 ||
      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), exponent.get()) <= 0 ||
      EVP_PKEY_generate(context.get(), &key) <= 0)
    return failed("sgx.signing_key.generate");
  return SigningKey(std::make_unique<Impl>(Impl{Pkey(key)}));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Pkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return Error{ErrorCode::kInvalid, "sgx.signing_key.pem", "not a PEM private key"};
  BIGNUM* exponent = nullptr;
  EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_RSA_E, &exponent);
  Number owned(exponent);
  if (!exponent || !BN_is_word(exponent, 3) || EVP_PKEY_get_bits(key.get()) != 3072)
    return Error{ErrorCode::kInvalid, "sgx.signing_key.kind", "needs RSA, 3072 bits, public exponent 3"};
  return SigningKey(std::make_unique<Impl>(Impl{std::move(key)}));
}

Result<std::string> SigningKey::to_pem() const {
  Bio bio(BIO_new(BIO_s_mem()));
  if (!PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->key.get(), nullptr, nullptr, 0, nullptr, nullptr))
    return failed("sgx.signing_key.to_pem");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Sigstruct sigstruct_of(const SigstructTerms& terms) {
  Sigstruct out{};
  std::ranges::copy(kSigstructHeader, out.header);
  std::ranges::copy(kSigstructHeader2, out.header2);
  out.date = terms.date_bcd;
  out.miscselect = terms.miscselect;
  out.miscmask = terms.miscmask;
  out.attributes = terms.attributes;
  out.attributemask = terms.attribute_mask;
  std::ranges::copy(terms.measurement.bytes, out.enclavehash);
  out.isvprodid = terms.product_id;
  out.isvsvn = terms.security_version;
  return out;
}

Status sign_sigstruct(Sigstruct& sigstruct, const SigningKey& key) {
  EVP_PKEY* pkey = key.impl_->key.get();
  BIGNUM* modulus = nullptr;
  if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &modulus)) return failed("sgx.sigstruct.modulus");
  Number n(modulus);
  const auto digest = digest_of(sigstruct);
  std::array<std::uint8_t, kRsaSize> signature;
  std::size_t size = signature.size();
  PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr));
  if (EVP_PKEY_sign_init(context.get()) <= 0 || !prepare(context.get()) ||
      EVP_PKEY_sign(context.get(), signature.data(), &size, digest.data(), digest.size()) <= 0 ||
      size != kRsaSize)
    return failed("sgx.sigstruct.sign");
  Number s(BN_bin2bn(signature.data(), static_cast<int>(size), nullptr));
  const Quotients quotients = TRY(quotients_of(s.get(), n.get()));
  BN_bn2lebinpad(n.get(), sigstruct.modulus, kRsaSize);
  BN_bn2lebinpad(s.get(), sigstruct.signature, kRsaSize);
  sigstruct.exponent = 3;
  std::ranges::copy(quotients.q1, sigstruct.q1);
  std::ranges::copy(quotients.q2, sigstruct.q2);
  return {};
}

Status check_sigstruct(const Sigstruct& sigstruct) {
  if (!std::ranges::equal(sigstruct.header, kSigstructHeader)) return refused("header");
  if (!std::ranges::equal(sigstruct.header2, kSigstructHeader2)) return refused("header2");
  if (sigstruct.vendor != 0 && sigstruct.vendor != 0x8086) return refused("vendor");
  if (sigstruct.exponent != 3) return refused("exponent is not 3");
  if (!all_zero(sigstruct.reserved1) || !all_zero(sigstruct.reserved2) || !all_zero(sigstruct.reserved3) ||
      !all_zero(sigstruct.reserved4) || sigstruct.cet_attributes != 0 || sigstruct.cet_attributes_mask != 0)
    return refused("reserved bytes");
  const Number n = number(sigstruct.modulus), s = number(sigstruct.signature);
  if (BN_num_bits(n.get()) != 3072 || !BN_is_odd(n.get())) return refused("modulus is not 3072 bits");
  if (BN_cmp(s.get(), n.get()) >= 0) return refused("signature is not below the modulus");
  if (!signature_holds(sigstruct, n.get(), s.get())) return refused("signature");
  const Quotients quotients = TRY(quotients_of(s.get(), n.get()));
  if (!std::ranges::equal(quotients.q1, sigstruct.q1)) return refused("q1");
  if (!std::ranges::equal(quotients.q2, sigstruct.q2)) return refused("q2");
  return {};
}

SignerId signer_of(const Sigstruct& sigstruct) {
  SignerId id;
  SHA256(sigstruct.modulus, sizeof sigstruct.modulus, id.bytes.data());
  return id;
}

}  // namespace clemmys::sgx
