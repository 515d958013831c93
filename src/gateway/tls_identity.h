// tls_identity.h: the gateway's TLS key and certificate. The P-256 key is made here and never leaves; the KMS
// signs its request through the attested session. A new identity is made for each certificate, so a key lives
// an hour.
#pragma once

#include <memory>
#include <mutex>

#include "base/bytes.h"
#include "wire/kms_api.h"

struct ssl_ctx_st;   // OpenSSL's SSL_CTX
struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace clemmys::gateway {

class TlsKey {
 public:
  static Result<TlsKey> generate();
  TlsKey(TlsKey&&) noexcept = default;
  // signing_request is a DER PKCS #10 request; the names in the certificate are the root policy's.
  Result<Bytes> signing_request() const;
  evp_pkey_st* native() const { return key_.get(); }

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit TlsKey(evp_pkey_st* key) : key_(key) {}
  std::unique_ptr<evp_pkey_st, Free> key_;
};

using TlsContext = std::shared_ptr<ssl_ctx_st>;

// make_tls_context is a server context: TLS 1.3, and 1.2 with forward-secret AEAD suites for old clients;
// nothing is resumed, so that every connection sees the certificate and its end by the client's clock;
// records are padded (see RecordPadding).
Result<TlsContext> make_tls_context(const TlsKey& key, const wire::CertificateChain& chain);

// RecordPadding is how a response is cut: `records` records of `content` bytes each (the last may have less),
// every one padded to `padded`, so that the wire shows padme(size) alone (TLS 1.3 only; 1.2 cannot pad).
struct RecordPadding {
  std::size_t records = 0, content = 0, padded = 0;
};
RecordPadding plan_padding(std::size_t size);

// TlsIdentity is a context with the end of its certificate. A connection serves nobody after the end of the
// certificate that it began with: by the gateway's clock, which is never behind the key service's last word.
struct TlsIdentity {
  TlsContext context;
  std::uint64_t not_after_unix_ms = 0;
};

// TlsContextSlot holds what new connections begin with.
class TlsContextSlot {
 public:
  void set(TlsIdentity identity);
  TlsIdentity get() const;

 private:
  mutable std::mutex mutex_;
  TlsIdentity identity_;
};

}  // namespace clemmys::gateway
