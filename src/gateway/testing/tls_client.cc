#include "gateway/testing/tls_client.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "base/check.h"

namespace clemmys::gateway::testing {

struct TlsClient::Impl {
  int socket = -1;
  SSL_CTX* context = nullptr;
  SSL* tls = nullptr;
  std::string buffer;
  std::uint64_t seen = 0;
};

TlsClient::TlsClient(std::uint16_t port, ByteView ca_der, bool version12) : impl_(new Impl) {
  ::signal(SIGPIPE, SIG_IGN);  // the gateway may close while we write
  impl_->socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(impl_->socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  impl_->context = SSL_CTX_new(TLS_client_method());
  if (version12) SSL_CTX_set_max_proto_version(impl_->context, TLS1_2_VERSION);
  const unsigned char* cursor = ca_der.data();
  X509* ca = d2i_X509(nullptr, &cursor, static_cast<long>(ca_der.size()));
  CHECK(ca && X509_STORE_add_cert(SSL_CTX_get_cert_store(impl_->context), ca) == 1);
  X509_free(ca);
  SSL_CTX_set_verify(impl_->context, SSL_VERIFY_PEER, nullptr);
  impl_->tls = SSL_new(impl_->context);
  SSL_set1_host(impl_->tls, "localhost");
  SSL_set_fd(impl_->tls, impl_->socket);
  CHECK(SSL_connect(impl_->tls) == 1);
}

TlsClient::~TlsClient() {
  SSL_free(impl_->tls);
  SSL_CTX_free(impl_->context);
  ::close(impl_->socket);
}

bool TlsClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const int sent =
        SSL_write(impl_->tls, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TlsClient::can_resume() { return SSL_SESSION_is_resumable(SSL_get0_session(impl_->tls)) == 1; }

ClientResponse TlsClient::receive() {
  std::string& buffer = impl_->buffer;
  ClientResponse response;
  std::size_t head_size = std::string::npos, body_size = 0;
  for (;;) {
    if (head_size == std::string::npos && (head_size = buffer.find("\r\n\r\n")) != std::string::npos) {
      response.head = buffer.substr(0, head_size + 2);
      std::from_chars(buffer.data() + 9, buffer.data() + 12, response.status);
      if (const std::size_t at = response.head.find("Content-Length: "); at != std::string::npos)
        std::from_chars(response.head.data() + at + 16, response.head.data() + response.head.size(),
                        body_size);
    }
    if (head_size != std::string::npos && buffer.size() >= head_size + 4 + body_size) {
      response.body = buffer.substr(head_size + 4, body_size);
      buffer.erase(0, head_size + 4 + body_size);
      return response;
    }
    char chunk[16384];
    const int got = SSL_read(impl_->tls, chunk, sizeof chunk);
    if (got <= 0) return {};
    buffer.append(chunk, static_cast<std::size_t>(got));
  }
}

ClientResponse TlsClient::ask(std::string_view method, std::string_view target,
                              std::string_view authorization, std::string_view body,
                              std::string_view headers) {
  std::string request(method);
  request.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers);
  if (!authorization.empty()) request.append("Authorization: ").append(authorization).append("\r\n");
  request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  send(request);
  return receive();
}

std::uint64_t TlsClient::wire_size() {
  const std::uint64_t now = BIO_number_read(SSL_get_rbio(impl_->tls));
  return now - std::exchange(impl_->seen, now);
}

}  // namespace clemmys::gateway::testing
