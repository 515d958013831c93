#include "attest/p256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "attest/openssl_types.h"
#include "base/check.h"

namespace clemmys::attest {
namespace {

constexpr char kGroup[] = "prime256v1";
using PointOwner = ossl::Owner<EC_POINT, EC_POINT_free>;
using GroupOwner = ossl::Owner<EC_GROUP, EC_GROUP_free>;

std::array<std::uint8_t, 65> uncompressed(const P256Public& key) {
  std::array<std::uint8_t, 65> point{0x04};
  std::memcpy(point.data() + 1, key.bytes.data(), key.bytes.size());
  return point;
}

ossl::Pkey make_key(const P256Public& key, const BIGNUM* scalar) {
  const auto point = uncompressed(key);
  ossl::ParameterBuilder builder(OSSL_PARAM_BLD_new());
  ossl::PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  if (!builder || !context) return nullptr;
  bool ok = OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kGroup, 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                             point.size()) == 1;
  if (ok && scalar != nullptr)
    ok = OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1;
  if (!ok) return nullptr;
  ossl::Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* made = nullptr;
  const int selection = scalar != nullptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
  if (!parameters || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, selection, parameters.get()) != 1) {
    return nullptr;
  }
  return ossl::Pkey(made);
}

Result<P256Public> public_of(const BIGNUM* scalar) {
  GroupOwner group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  CHECK(group);
  if (BN_is_zero(scalar) || BN_cmp(scalar, EC_GROUP_get0_order(group.get())) >= 0) {
    return Error{ErrorCode::kInvalid, "attest.p256.scalar"};
  }
  PointOwner point(EC_POINT_new(group.get()));
  std::array<std::uint8_t, 65> encoded{};
  if (!point || EC_POINT_mul(group.get(), point.get(), scalar, nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                         encoded.size(), nullptr) != encoded.size()) {
    return Error{ErrorCode::kInternal, "attest.p256.multiply"};
  }
  return P256Public::from(ByteView(encoded).subspan(1));
}

}  // namespace

struct P256Key::Native {
  ossl::Pkey pkey;
};

P256Key::P256Key(std::unique_ptr<Native> key) : key_(std::move(key)) {}
P256Key::P256Key(P256Key&&) noexcept = default;
P256Key& P256Key::operator=(P256Key&&) noexcept = default;
P256Key::~P256Key() = default;
evp_pkey_st* P256Key::native() const { return key_->pkey.get(); }

Result<P256Key> P256Key::generate() {
  ossl::ClearErrors clear;
  ossl::Pkey made(EVP_EC_gen(kGroup));
  BIGNUM* raw = nullptr;
  if (!made || EVP_PKEY_get_bn_param(made.get(), OSSL_PKEY_PARAM_PRIV_KEY, &raw) != 1) {
    return Error{ErrorCode::kInternal, "attest.p256.generate"};
  }
  ossl::Number scalar(raw);
  Secret<32> bytes;
  CHECK(BN_bn2binpad(scalar.get(), bytes.mutable_view().data(), 32) == 32);
  return from_scalar(bytes);
}

Result<P256Key> P256Key::from_scalar(const Secret<32>& scalar) {
  ossl::ClearErrors clear;
  ossl::Number number(BN_secure_new());
  CHECK(number && BN_bin2bn(scalar.view().data(), 32, number.get()) != nullptr);
  const P256Public public_key = TRY(public_of(number.get()));
  auto native = std::make_unique<Native>();
  native->pkey = make_key(public_key, number.get());
  if (!native->pkey) return Error{ErrorCode::kInternal, "attest.p256.import"};
  P256Key key(std::move(native));
  key.public_key_ = public_key;
  return key;
}

Result<Secret<32>> P256Key::private_scalar() const {
  ossl::ClearErrors clear;
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key_->pkey.get(), OSSL_PKEY_PARAM_PRIV_KEY, &raw) != 1) {
    return Error{ErrorCode::kInternal, "attest.p256.export"};
  }
  ossl::Number scalar(raw);
  Secret<32> bytes;
  CHECK(BN_bn2binpad(scalar.get(), bytes.mutable_view().data(), 32) == 32);
  return bytes;
}

Result<P256Signature> P256Key::sign(ByteView message) const {
  ossl::ClearErrors clear;
  std::array<std::uint8_t, 80> der{};
  std::size_t size = der.size();
  ossl::DigestContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) != 1) {
    return Error{ErrorCode::kInternal, "attest.p256.sign"};
  }
  const std::uint8_t* cursor = der.data();
  ossl::Signature parsed(d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(size)));
  CHECK(parsed);
  P256Signature signature;
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), signature.bytes.data(), 32) == 32);
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), signature.bytes.data() + 32, 32) == 32);
  return signature;
}

Status p256_verify(const P256Public& key, ByteView message, const P256Signature& signature) {
  ossl::ClearErrors clear;
  ossl::Pkey pkey = make_key(key, nullptr);
  if (!pkey) return Error{ErrorCode::kDenied, "attest.p256.point"};
  ossl::Signature parsed(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(signature.bytes.data(), 32, nullptr);
  BIGNUM* s = BN_bin2bn(signature.bytes.data() + 32, 32, nullptr);
  CHECK(parsed && r != nullptr && s != nullptr && ECDSA_SIG_set0(parsed.get(), r, s) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parsed.get(), &der);
  CHECK(size > 0);
  ossl::DigestContext context(EVP_MD_CTX_new());
  const bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, pkey.get()) == 1 &&
      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size), message.data(), message.size()) ==
          1;
  OPENSSL_free(der);
  if (!good) return Error{ErrorCode::kDenied, "attest.p256.signature"};
  return {};
}

Digest sha256(ByteView first, ByteView second) {
  Digest digest;
  ossl::DigestContext context(EVP_MD_CTX_new());
  CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
        EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
        EVP_DigestFinal_ex(context.get(), digest.bytes.data(), nullptr) == 1);
  return digest;
}

}  // namespace clemmys::attest
