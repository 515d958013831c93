// OpenSSL's handshakes over memory: each protocol version with each kind of key, with and without
// certificates of clients, resumption, and the refusals that a server must make.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

namespace {

struct Identity {
  EVP_PKEY* key;
  X509* certificate;
};

Identity make(const char* kind, const Identity* issuer, const char* name) {
  const std::string_view name_of_kind = kind;
  EVP_PKEY* key = name_of_kind == "RSA"       ? EVP_RSA_gen(2048)
                  : name_of_kind == "ED25519" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                              : EVP_EC_gen(kind);
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer != nullptr ? issuer->certificate : certificate));
  X509_set_pubkey(certificate, key);
  if (issuer == nullptr) {
    X509_EXTENSION* authority =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(certificate, authority, -1);
    X509_EXTENSION_free(authority);
  }
  EVP_PKEY* signer = issuer != nullptr ? issuer->key : key;
  X509_sign(certificate, signer, EVP_PKEY_is_a(signer, "ED25519") ? nullptr : EVP_sha256());
  return {key, certificate};
}

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

Context context(bool server, int version, const Identity* own, const Identity& root, bool verify) {
  Context it(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(it.get(), version);
  SSL_CTX_set_max_proto_version(it.get(), version);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(it.get()), root.certificate);
  if (own != nullptr) {
    SSL_CTX_use_certificate(it.get(), own->certificate);
    SSL_CTX_use_PrivateKey(it.get(), own->key);
  }
  if (verify) SSL_CTX_set_verify(it.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_session_id_context(it.get(), reinterpret_cast<const unsigned char*>("t"), 1);
  return it;
}

// shake runs both sides to their ends over a pair of memory buffers, then sends 100 KB each way.
std::string shake(SSL_CTX* server_context, SSL_CTX* client_context, SSL_SESSION** session) {
  Connection server(SSL_new(server_context), SSL_free), client(SSL_new(client_context), SSL_free);
  BIO *a, *b;
  BIO_new_bio_pair(&a, 1 << 18, &b, 1 << 18);
  SSL_set_bio(server.get(), a, a);
  SSL_set_bio(client.get(), b, b);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  if (*session != nullptr) SSL_set_session(client.get(), *session);
  int server_done = 0, client_done = 0;
  for (int i = 0; i < 20 && !(server_done == 1 && client_done == 1); ++i) {
    if (client_done != 1) client_done = SSL_do_handshake(client.get());
    if (server_done != 1) server_done = SSL_do_handshake(server.get());
    if (server_done < 1 && SSL_get_error(server.get(), server_done) == SSL_ERROR_SSL) break;
    if (client_done < 1 && SSL_get_error(client.get(), client_done) == SSL_ERROR_SSL) break;
  }
  if (server_done != 1 || client_done != 1) {
    const unsigned long error = ERR_peek_error();
    ERR_clear_error();
    return std::string("refused: ") + (ERR_reason_error_string(error) ? ERR_reason_error_string(error) : "?");
  }
  std::string sent(100'000, 's'), got(sent.size(), ' ');
  for (auto [from, to] : {std::pair{client.get(), server.get()}, {server.get(), client.get()}}) {
    std::size_t step, done = 0;
    if (!SSL_write_ex(from, sent.data(), sent.size(), &step)) return "write";
    while (done < got.size() && SSL_read_ex(to, got.data() + done, got.size() - done, &step)) done += step;
    if (got != sent) return "differs";
  }
  const bool resumed = SSL_session_reused(client.get());
  if (*session != nullptr) SSL_SESSION_free(*session);
  *session = SSL_get1_session(client.get());
  return std::string(SSL_get_version(client.get())) + ' ' + SSL_get_cipher(client.get()) +
         (resumed ? " resumed" : "");
}

}  // namespace

int main() {
  const Identity other_root = make("P-256", nullptr, "other");
  const Identity stranger = make("P-256", &other_root, "stranger");
  for (const char* kind : {"P-256", "P-384", "RSA", "ED25519"}) {
    const Identity root = make(kind, nullptr, "root"), server = make(kind, &root, "server"),
                   client = make(kind, &root, "client");
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      const Context plain = context(true, version, &server, root, false),
                    strict = context(true, version, &server, root, true);
      const Context nobody = context(false, version, nullptr, root, true),
                    known = context(false, version, &client, root, true);
      const Context unknown = context(false, version, &stranger, root, true),
                    careful = context(false, version, nullptr, other_root, true);
      SSL_SESSION* session = nullptr;
      std::printf("%s: %s\n", kind, shake(plain.get(), nobody.get(), &session).c_str());
      std::printf("  again: %s\n", shake(plain.get(), nobody.get(), &session).c_str());
      SSL_SESSION_free(session);
      SSL_SESSION* none[4] = {};
      std::printf("  with a client's certificate: %s\n", shake(strict.get(), known.get(), &none[0]).c_str());
      std::printf("  without one: %s\n", shake(strict.get(), nobody.get(), &none[1]).c_str());
      std::printf("  with another authority's: %s\n", shake(strict.get(), unknown.get(), &none[2]).c_str());
      std::printf("  client that trusts another: %s\n", shake(plain.get(), careful.get(), &none[3]).c_str());
      for (SSL_SESSION* it : none) SSL_SESSION_free(it);
    }
  }
  return 0;
}
