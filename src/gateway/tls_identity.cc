#include "gateway/tls_identity.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>

#include "wire/envelope.h"
#include "wire/padding.h"

namespace clemmys::gateway {
namespace {

constexpr std::size_t kRecordMax = SSL3_RT_MAX_PLAIN_LENGTH;  // content and padding of one record

Error failed(std::string_view site) {
  ERR_clear_error();
  return {ErrorCode::kInternal, site};
}

// pad_record is OpenSSL's callback: `size` counts the content type byte. `argument` of the connection is its
// current target.
std::size_t pad_record(SSL*, int type, std::size_t size, void* argument) {
  if (type != SSL3_RT_APPLICATION_DATA) return 0;
  const std::size_t target = argument ? *static_cast<const std::size_t*>(argument) : 0;
  const std::size_t padded = target + 1 >= size ? target + 1 : wire::padme(size);
  return std::min(padded, kRecordMax) - std::min(size, kRecordMax);
}

}  // namespace

void TlsKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<TlsKey> TlsKey::generate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  if (!key) return failed("gateway.tls.key");
  return TlsKey(key);
}

Result<Bytes> TlsKey::signing_request() const {
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(X509_REQ_new(), X509_REQ_free);
  constexpr unsigned char kName[] = "clemmys gateway";
  const bool made = request && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_ASC,
                                               kName, sizeof kName - 1, -1, 0) == 1 &&
                    X509_REQ_set_pubkey(request.get(), key_.get()) == 1 &&
                    X509_REQ_sign(request.get(), key_.get(), EVP_sha256()) > 0;
  if (!made) return failed("gateway.tls.request");
  const int size = i2d_X509_REQ(request.get(), nullptr);
  if (size <= 0) return failed("gateway.tls.request_size");
  Bytes der(static_cast<std::size_t>(size));
  unsigned char* cursor = der.data();
  i2d_X509_REQ(request.get(), &cursor);
  return der;
}

Result<TlsContext> make_tls_context(const TlsKey& key, const wire::CertificateChain& chain) {
  TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context || chain.certificates_der.empty()) return failed("gateway.tls.context");
  SSL_CTX* const raw = context.get();
  bool good = SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1;
  good = good && SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
  good = good && SSL_CTX_set1_groups_list(raw, "X25519:P-256") == 1;
  good = good && SSL_CTX_use_PrivateKey(raw, key.native()) == 1;
  for (std::size_t i = 0; good && i < chain.certificates_der.size(); ++i) {
    const Bytes& der = chain.certificates_der[i];
    const unsigned char* cursor = der.data();
    X509* certificate = d2i_X509(nullptr, &cursor, static_cast<long>(der.size()));
    good = certificate && cursor == der.data() + der.size();
    if (good && i == 0) {
      good = SSL_CTX_use_certificate(raw, certificate) == 1 && SSL_CTX_check_private_key(raw) == 1;
    } else if (good) {
      good = SSL_CTX_add1_chain_cert(raw, certificate) == 1;
    }
    X509_free(certificate);
  }
  if (!good) return failed("gateway.tls.chain");
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(
      raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(raw, 1);  // a record in one receive; tls_stream.h
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_record_padding_callback(raw, pad_record);
  return context;
}

RecordPadding plan_padding(std::size_t size) {
  constexpr std::size_t kContentMax = kRecordMax - 1;  // the content type takes a byte
  const std::size_t padded = wire::padme(size);
  RecordPadding plan;
  plan.records = std::max<std::size_t>(1, (padded + kContentMax - 1) / kContentMax);
  plan.content = (size + plan.records - 1) / plan.records;
  plan.padded = (padded + plan.records - 1) / plan.records;
  return plan;
}

void TlsContextSlot::set(TlsIdentity identity) {
  const std::lock_guard lock(mutex_);
  identity_ = std::move(identity);
}
TlsIdentity TlsContextSlot::get() const {
  const std::lock_guard lock(mutex_);
  return identity_;
}

}  // namespace clemmys::gateway
