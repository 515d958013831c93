#include "raw_tls.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace clemmys::testing {
namespace {

SSL_CTX* client_context() {
  static SSL_CTX* const context = [] {
    signal(SIGPIPE, SIG_IGN);
    return SSL_CTX_new(TLS_client_method());
  }();
  return context;
}

// readable within the time; also when the peer has closed.
bool readable(int socket, std::chrono::milliseconds patience) {
  pollfd wanted{.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&wanted, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace

struct RawTls::State {
  int socket = -1;
  SSL* tls = nullptr;
  ~State() {
    SSL_free(tls);
    if (socket >= 0) close(socket);
  }
};

RawTls::RawTls(unsigned short port, int receive_buffer) : state_(std::make_unique<State>()) {
  state_->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) {
    constexpr int kSegment = 1'400;  // with loopback's 64 KiB the peer's kernel would keep megabytes for us
    setsockopt(state_->socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(state_->socket, IPPROTO_TCP, TCP_MAXSEG, &kSegment, sizeof kSegment);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(state_->socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
  state_->tls = SSL_new(client_context());
  SSL_set_fd(state_->tls, state_->socket);
  if (SSL_connect(state_->tls) != 1) throw std::runtime_error("no handshake");
}
RawTls::~RawTls() = default;
RawTls::RawTls(RawTls&&) noexcept = default;

bool RawTls::send(std::string_view bytes) {
  return SSL_write(state_->tls, bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

RawTls::Received RawTls::receive_all(std::chrono::milliseconds patience) {
  Received received;
  const auto end = std::chrono::steady_clock::now() + patience;
  std::array<char, 16384> chunk;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return received;
    if (SSL_pending(state_->tls) == 0 && !readable(state_->socket, left)) return received;
    const int size = SSL_read(state_->tls, chunk.data(), chunk.size());
    if (size <= 0) {
      received.closed = true;
      return received;
    }
    received.bytes.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

void RawTls::forget() { SSL_free(std::exchange(state_->tls, nullptr)); }

bool RawTls::is_closed(std::chrono::milliseconds patience) const {
  pollfd wanted{.fd = state_->socket, .events = POLLRDHUP, .revents = 0};
  return poll(&wanted, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace clemmys::testing
