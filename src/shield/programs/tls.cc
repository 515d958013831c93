// OpenSSL: a TLS 1.3 handshake with a fresh P-256 key over a socket pair, and data both ways.
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

namespace {

X509* self_signed(EVP_PKEY* key) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("enclave"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_sign(certificate, key, EVP_sha256());
  return certificate;
}

}  // namespace

int main() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = self_signed(key);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 1;
  std::thread server([&] {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_use_certificate(context, certificate);
    SSL_CTX_use_PrivateKey(context, key);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, ends[0]);
    std::printf("accept %d\n", SSL_accept(ssl));
    char buffer[64];
    const int size = SSL_read(ssl, buffer, sizeof buffer);
    SSL_write(ssl, buffer, size);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
  });
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, ends[1]);
  const int connected = SSL_connect(ssl);
  const std::string text = "sealed words";
  SSL_write(ssl, text.data(), static_cast<int>(text.size()));
  std::string back(text.size(), ' ');
  SSL_read(ssl, back.data(), static_cast<int>(back.size()));
  server.join();
  std::printf("connect %d, %s, verified %d, echo %d\n", connected, SSL_get_version(ssl),
              SSL_get_verify_result(ssl) == X509_V_OK, text == back);
  return 0;
}
