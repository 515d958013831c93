#include "attest/certificate.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <ctime>

namespace clemmys::attest {
namespace {

constexpr std::size_t kPemSizeMax = 32 * 1024;
constexpr std::size_t kCrlSizeMax = 1 << 20;
constexpr int kSecurityLevel = 3;  // 128 bits: P-256 with SHA-256

// kIntelRootDigest is SHA-256 of "Intel SGX Root CA" in DER, as at
// https://certificates.trustedservices.intel.com/IntelSGXRootCA.der
constexpr Digest kIntelRootDigest{{0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49,
                                   0xe9, 0x5b, 0x80, 0x7a, 0x35, 0x0e, 0x74, 0x24, 0x96, 0x43, 0x99,
                                   0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3}};

ossl::Bio reader_of(std::string_view text) {
  return ossl::Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

using CertificateStack = ossl::Owner<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }>;

// unix_of is 0 for what is no time, and for a CRL without nextUpdate: nothing is remembered then.
std::uint64_t unix_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  const time_t seconds = ::timegm(&parts);
  return seconds > 0 ? static_cast<std::uint64_t>(seconds) : 0;
}

}  // namespace

Result<Chain> parse_chain(std::string_view pem, std::size_t length, std::string_view site) {
  ossl::ClearErrors clear;
  if (pem.ends_with('\0')) pem.remove_suffix(1);
  if (pem.size() > kPemSizeMax || pem.contains('\0'))
    return Error{ErrorCode::kDenied, site, "not a PEM chain"};
  ossl::Bio bio = reader_of(pem);
  Chain chain;
  while (chain.size() <= length) {
    ossl::Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    chain.push_back(std::move(next));
  }
  if (chain.size() != length || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return Error{ErrorCode::kDenied, site, "wrong number of certificates, or a malformed one"};
  }
  return chain;
}

Result<ossl::Crl> parse_crl(std::string_view text, std::string_view site) {
  ossl::ClearErrors clear;
  if (text.size() > kCrlSizeMax) return Error{ErrorCode::kDenied, site, "too large"};
  if (text.starts_with("-----BEGIN")) {
    ossl::Bio bio = reader_of(text);
    if (ossl::Crl crl{PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)}) return crl;
  } else {
    const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
    const auto* cursor = begin;
    ossl::Crl crl(d2i_X509_CRL(nullptr, &cursor, static_cast<long>(text.size())));
    if (crl && cursor == begin + text.size()) return crl;
  }
  return Error{ErrorCode::kDenied, site, "not a revocation list"};
}

Bytes der_of(X509* certificate) {
  unsigned char* out = nullptr;
  const int size = i2d_X509(certificate, &out);
  if (size <= 0) return {};
  Bytes der(out, out + size);
  OPENSSL_free(out);
  return der;
}

bool same_certificate(X509* left, X509* right) { return X509_cmp(left, right) == 0; }

Result<Root> pinned_root(X509* certificate, const Trust& trust) {
  const Bytes der = der_of(certificate);
  if (sha256(der) == kIntelRootDigest) return Root::kIntel;
  if (trust.software_root_der.empty() || der != trust.software_root_der) {
    return Error{ErrorCode::kDenied, "attest.root.unknown", "the chain ends in a root that is not trusted"};
  }
  if (!trust.insecure_accept_software_sgx) {
    return Error{ErrorCode::kDenied, "attest.root.software",
                 "software SGX is accepted only with insecure_accept_software_sgx"};
  }
  return Root::kSoftware;
}

Result<Window> check_chain(const Chain& chain, const std::vector<X509_CRL*>& crls, std::uint64_t now_unix_s,
                           std::string_view site) {
  ossl::ClearErrors clear;
  ossl::Store store(X509_STORE_new());
  CertificateStack untrusted(sk_X509_new_null());
  ossl::StoreContext context(X509_STORE_CTX_new());
  if (!store || !untrusted || !context) return Error{ErrorCode::kInternal, site};
  bool ok = X509_STORE_add_cert(store.get(), chain.back().get()) == 1;
  for (X509_CRL* crl : crls) ok = ok && X509_STORE_add_crl(store.get(), crl) == 1;
  for (std::size_t i = 1; i + 1 < chain.size(); ++i)
    ok = ok && sk_X509_push(untrusted.get(), chain[i].get()) > 0;
  ok = ok && X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), untrusted.get()) == 1;
  if (!ok) return Error{ErrorCode::kInternal, site};
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters,
                              X509_V_FLAG_X509_STRICT | X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(now_unix_s));
  if (X509_verify_cert(context.get()) != 1) {
    return Error{ErrorCode::kDenied, site,
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))};
  }
  // The path that OpenSSL built must be the chain that was given: roles are judged by position.
  const STACK_OF(X509)* path = X509_STORE_CTX_get0_chain(context.get());
  bool same = sk_X509_num(path) == static_cast<int>(chain.size());
  for (std::size_t i = 0; same && i < chain.size(); ++i) {
    same = same_certificate(sk_X509_value(path, static_cast<int>(i)), chain[i].get());
  }
  if (!same) return Error{ErrorCode::kDenied, site, "certificates are not in order"};

  Window window;
  for (const ossl::Certificate& certificate : chain) {
    window.narrow(
        {unix_of(X509_get0_notBefore(certificate.get())), unix_of(X509_get0_notAfter(certificate.get()))});
  }
  for (X509_CRL* crl : crls) {
    window.narrow({unix_of(X509_CRL_get0_lastUpdate(crl)), unix_of(X509_CRL_get0_nextUpdate(crl))});
  }
  return window;
}

std::string common_name(X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) return {};
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<std::size_t>(ASN1_STRING_length(value))};
}

Result<P256Public> public_key(X509* certificate) {
  ossl::ClearErrors clear;
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  std::array<char, 32> group{};
  std::array<std::uint8_t, 65> point{};
  std::size_t size = 0;
  if (key == nullptr ||
      EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) !=
          1 ||
      std::string_view(group.data()) != "prime256v1" ||
      EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) != 1 ||
      size != point.size() || point[0] != 0x04) {
    return Error{ErrorCode::kDenied, "attest.certificate.key", "not a P-256 key"};
  }
  return P256Public::from(ByteView(point).subspan(1));
}

}  // namespace clemmys::attest
