#include "kms/authority.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "attest/openssl_types.h"
#include "attest/p256.h"
#include "base/check.h"
#include "crypto/crypto.h"
#include "kms/name_constraints.h"

namespace clemmys::kms {
namespace {

namespace ossl = attest::ossl;
using Request = ossl::Owner<X509_REQ, X509_REQ_free>;
using Extension = ossl::Owner<X509_EXTENSION, X509_EXTENSION_free>;
using Time = ossl::Owner<ASN1_TIME, ASN1_TIME_free>;

constexpr std::uint64_t kYearMs = 365ull * 24 * 3'600'000;
constexpr std::uint64_t kClientClockSlackMs = 5 * 60'000;
constexpr std::size_t kCsrSizeMax = 4096;

const Error kFailed{ErrorCode::kInternal, "kms.authority.openssl"};

EVP_PKEY* native(const attest::P256Key& key) { return static_cast<EVP_PKEY*>(key.native()); }

// add_extension takes OpenSSL's configuration syntax (x509v3_config(5)). `value` holds only checked names of
// the policy.
Status add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return kFailed;
  return {};
}

// start makes a version 3 certificate with a random 126-bit serial number, its times and its subject.
Result<ossl::Certificate> start(std::uint64_t not_before_ms, std::uint64_t not_after_ms,
                                const char* organization, const char* common_name) {
  ossl::Certificate certificate(X509_new());
  auto serial = crypto::random_fixed<FixedBytes<16, struct SerialTag>>();
  serial.bytes[0] =
      static_cast<std::uint8_t>((serial.bytes[0] & 0x3f) | 0x40);  // positive, and always 16 bytes
  ossl::Number number(BN_bin2bn(serial.bytes.data(), static_cast<int>(serial.bytes.size()), nullptr));
  Time before(ASN1_TIME_set(nullptr, static_cast<time_t>(not_before_ms / 1000)));
  Time after(ASN1_TIME_set(nullptr, static_cast<time_t>(not_after_ms / 1000)));
  if (!certificate || !number || !before || !after ||
      X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr ||
      X509_set1_notBefore(certificate.get(), before.get()) != 1 ||
      X509_set1_notAfter(certificate.get(), after.get()) != 1) {
    return kFailed;
  }
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto add = [name](const char* field, const char* text) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text), -1, -1, 0) == 1;
  };
  // No common name in leaves: names live in subjectAltName only, where the constraints reach them.
  if (!add("O", organization) || (common_name != nullptr && !add("CN", common_name))) return kFailed;
  return certificate;
}

std::string alternative_names(const RootPolicy& policy) {
  std::string value;
  for (const std::string& name : policy.dns_names) value += (value.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& address : policy.ip_addresses) value += (value.empty() ? "IP:" : ",IP:") + address;
  return value;
}

Result<Bytes> sign_and_encode(X509* certificate, const attest::P256Key& key) {
  if (X509_sign(certificate, native(key), EVP_sha256()) <= 0) return kFailed;
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return kFailed;
  Bytes bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Result<ossl::Certificate> decode_certificate(ByteView der) {
  const unsigned char* cursor = der.data();
  ossl::Certificate certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (!certificate || cursor != der.data() + der.size())
    return Error{ErrorCode::kCorrupt, "kms.authority.certificate"};
  return certificate;
}

// requested_key gives the public key of a request: P-256, named curve, and the request is signed by it.
Result<EVP_PKEY*> requested_key(X509_REQ* request) {
  const Error refused{ErrorCode::kInvalid, "kms.authority.csr"};
  EVP_PKEY* key = X509_REQ_get0_pubkey(request);
  std::array<char, 32> group{};
  std::size_t size = 0;
  if (key == nullptr || EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1 ||
      std::string_view(group.data(), size) != "prime256v1" || X509_REQ_verify(request, key) != 1) {
    return refused;
  }
  return key;
}

}  // namespace

Result<Deployment> make_deployment(const RootPolicy& policy, std::uint64_t now_unix_ms) {
  ossl::ClearErrors clear;
  const attest::P256Key key = TRY(attest::P256Key::generate());
  const ossl::Certificate certificate = TRY(start(
      now_unix_ms - kClientClockSlackMs, now_unix_ms + 10 * kYearMs, "Clemmys", "Clemmys deployment CA"));
  X509* raw = certificate.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(raw)) != 1 || X509_set_pubkey(raw, native(key)) != 1)
    return kFailed;
  TRY(add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  TRY(add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign"));
  TRY(add_extension(raw, raw, NID_subject_key_identifier, "hash"));
  TRY(add_name_constraints(raw, policy));
  Deployment deployment;
  deployment.policy = policy.digest;
  deployment.ca_certificate = TRY(sign_and_encode(raw, key));
  deployment.ca_scalar = TRY(key.private_scalar());
  deployment.session_seed = crypto::random_key();
  return deployment;
}

struct Authority::Impl {
  attest::P256Key key;
  ossl::Certificate certificate;
  Bytes certificate_der;
  std::string names;
};

Authority::Authority(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Authority::Authority(Authority&&) noexcept = default;
Authority::~Authority() = default;
const Bytes& Authority::certificate_der() const { return impl_->certificate_der; }

Result<Authority> Authority::open(const Deployment& deployment, const RootPolicy& policy) {
  ossl::ClearErrors clear;
  CHECK(deployment.policy == policy.digest);
  attest::P256Key key = TRY(attest::P256Key::from_scalar(deployment.ca_scalar));
  ossl::Certificate certificate = TRY(decode_certificate(deployment.ca_certificate));
  return Authority(std::unique_ptr<Impl>(new Impl{std::move(key), std::move(certificate),
                                                  deployment.ca_certificate, alternative_names(policy)}));
}

Result<wire::CertificateChain> Authority::sign_csr(ByteView csr_der, std::uint64_t now_unix_ms) const {
  ossl::ClearErrors clear;
  if (csr_der.size() > kCsrSizeMax) return Error{ErrorCode::kTooLarge, "kms.authority.csr_size"};
  const unsigned char* cursor = csr_der.data();
  const Request request(d2i_X509_REQ(nullptr, &cursor, static_cast<long>(csr_der.size())));
  if (!request || cursor != csr_der.data() + csr_der.size())
    return Error{ErrorCode::kInvalid, "kms.authority.csr"};
  EVP_PKEY* key = TRY(requested_key(request.get()));

  const std::uint64_t not_after_ms = now_unix_ms + kGatewayCertificateMs;
  const ossl::Certificate certificate =
      TRY(start(now_unix_ms - kClientClockSlackMs, not_after_ms, "Clemmys gateway", nullptr));
  X509* raw = certificate.get();
  X509* issuer = impl_->certificate.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(issuer)) != 1 || X509_set_pubkey(raw, key) != 1)
    return kFailed;
  TRY(add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  TRY(add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature"));
  TRY(add_extension(raw, issuer, NID_ext_key_usage, "serverAuth"));
  TRY(add_extension(raw, issuer, NID_subject_key_identifier, "hash"));
  TRY(add_extension(raw, issuer, NID_authority_key_identifier, "keyid:always"));
  TRY(add_extension(raw, issuer, NID_subject_alt_name, impl_->names));
  wire::CertificateChain chain;
  chain.certificates_der.push_back(TRY(sign_and_encode(raw, impl_->key)));
  chain.certificates_der.push_back(impl_->certificate_der);
  chain.not_after_unix_ms = not_after_ms / 1000 * 1000;
  return chain;
}

}  // namespace clemmys::kms
