#include "gateway/connection.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>

#include "gateway/asio_await.h"

namespace clemmys::gateway {
namespace asio = boost::asio;
using boost::system::error_code;
namespace {

constexpr std::size_t kSinkSize = 17u << 10, kLingerMax = 16u << 20;
constexpr unsigned kLingerS = 2;
constexpr std::uint64_t kEndMaxS = 24 * 3600;

}  // namespace

Connection::Connection(Worker& worker, asio::ip::tcp::socket socket, ssl_st* tls, std::uint64_t ends_unix_ms)
    : worker_(worker),
      ends_unix_ms_(ends_unix_ms),
      stream_(std::move(socket), tls),
      exchange_({.header_size_max = worker.config_.header_size_max,
                 .body_size_max = worker.config_.limits.code_size_max * 2},
                *worker.api_, worker.parts_.time, worker.parts_.metrics, *this) {
  worker_.add(*this);
  worker_.parts_.metrics.connections_open.add();
  SSL_set_record_padding_callback_arg(tls, &record_target_);
}

Connection::~Connection() {
  worker_.remove(*this);
  worker_.parts_.metrics.connections_open.subtract();
}

void Connection::expire() {
  worker_.parts_.metrics.slow_clients.add();
  error_code ignored;
  stream_.socket().close(ignored);
}

unsigned Connection::seconds_left() const {
  const std::uint64_t now = worker_.parts_.time.unix_ms();
  if (now >= ends_unix_ms_) return 0;
  return static_cast<unsigned>(std::min<std::uint64_t>((ends_unix_ms_ - now + 999) / 1000, kEndMaxS));
}

Task<void> Connection::serve(std::unique_ptr<Connection> self) {
  self->ticks_left = self->worker_.config_.handshake_s;
  if (co_await self->stream_.handshake()) {
    self->worker_.parts_.metrics.handshakes_failed.add();
    co_return;
  }
  NextStep next = NextStep::kKeepAlive;
  while (next == NextStep::kKeepAlive) next = co_await self->exchange_.serve_request();
  if (next == NextStep::kLinger) co_await self->linger();
}

// read_more: an idle connection holds no more than a small buffer.
Task<error_code> Connection::read_more(RequestReader& reader) {
  if (!reader.has_bytes()) {
    reader.shrink();
    worker_.set_idle(*this, !reader.is_begun());
    const error_code error = co_await stream_.fill();
    worker_.set_idle(*this, false);
    if (error) co_return error;
  }
  const IoResult got = co_await stream_.read_some(reader.room());
  if (!got.error) reader.add(got.size);
  co_return got.error;
}

// enter gives a phase its time, which tick() takes away second by second.
void Connection::enter(Phase phase, std::size_t size) {
  const ServerConfig& config = worker_.config_;
  switch (phase) {
    case Phase::kBetweenRequests:
      ticks_left = std::clamp(seconds_left(), 1u, config.idle_s);
      break;
    case Phase::kHead:
      ticks_left = config.header_s;
      break;
    case Phase::kTransfer:
      ticks_left = config.transfer_s + static_cast<unsigned>(size / config.transfer_rate);
      break;
    case Phase::kHandler:
      ticks_left = 0;  // it has its own limits
      break;
  }
}

Task<bool> Connection::write(std::string_view bytes) {
  const RecordPadding plan = plan_padding(bytes.size());
  record_target_ = plan.padded;
  while (!bytes.empty()) {
    const std::string_view record = bytes.substr(0, plan.content);
    const IoResult sent = co_await stream_.write_some(asio::buffer(record.data(), record.size()));
    if (sent.error) co_return false;
    bytes.remove_prefix(sent.size);
  }
  record_target_ = 0;
  co_return true;
}

// linger closes our side, then takes what the client still sends for a moment: closing on unread bytes would
// reset the connection, and our answer with it.
Task<void> Connection::linger() {
  ticks_left = kLingerS;
  auto& socket = stream_.socket();
  SSL_set_shutdown(stream_.tls(), SSL_RECEIVED_SHUTDOWN);
  co_await stream_.shutdown();
  error_code error;
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  Bytes sink(kSinkSize);
  for (std::size_t taken = 0; !error && taken < kLingerMax;) {
    const IoResult got = co_await IoAwait(
        [&](auto handler) { socket.async_read_some(asio::buffer(sink), std::move(handler)); });
    error = got.error;
    taken += got.size;
  }
}

}  // namespace clemmys::gateway
