#include "gateway/connection.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "base/log.h"
#include "gateway/asio_await.h"
#include "gateway/http_response.h"

namespace clemmys::gateway {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
namespace {

constexpr std::size_t kHeaderReadSize = 4u << 10, kReadSize = 17u << 10, kBufferMax = 64u << 10;
constexpr std::size_t kDrainMax = 64u << 10;  // a refused request's body that is read, to keep the connection
constexpr std::size_t kLingerMax = 16u << 20;
constexpr unsigned kLingerS = 2;
constexpr std::uint64_t kEndMaxS = 24 * 3600;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::put:
      return Method::kPut;
    case http::verb::post:
      return Method::kPost;
    case http::verb::delete_:
      return Method::kDelete;
    case http::verb::head:
      return Method::kHead;
    case http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// status_of a parser's error; 0: the client went away, there is nobody to answer.
int status_of(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
  return error.category() == http::make_error_code(http::error::bad_method).category() ? 400 : 0;
}

}  // namespace

Connection::Connection(Worker& worker, asio::ip::tcp::socket socket, ssl_st* tls, std::uint64_t ends_unix_ms)
    : worker_(worker), ends_unix_ms_(ends_unix_ms), stream_(std::move(socket), tls), buffer_(kBufferMax) {
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
  Next next = Next::kKeepAlive;
  while (next == Next::kKeepAlive) next = co_await self->serve_request();
  if (next == Next::kLinger) co_await self->linger();
}

Task<error_code> Connection::read_more() {
  const std::size_t size = std::min(parser_->is_header_done() ? kReadSize : kHeaderReadSize,
                                    kBufferMax - std::min(kBufferMax, buffer_.size()));
  if (size == 0) co_return http::error::buffer_overflow;
  if (buffer_.size() == 0) {  // an idle connection holds no more than a small buffer
    if (buffer_.capacity() > kHeaderReadSize) buffer_.shrink_to_fit();
    worker_.set_idle(*this, !parser_->got_some());
    const error_code error = co_await stream_.fill();
    worker_.set_idle(*this, false);
    if (error) co_return error;
  }
  const IoResult got = co_await stream_.read_some(buffer_.prepare(size));
  if (!got.error) buffer_.commit(got.size);
  co_return got.error;
}

Task<error_code> Connection::read_header() {
  parser_->eager(false);
  ticks_left =
      buffer_.size() > 0 ? worker_.config_.header_s : std::clamp(seconds_left(), 1u, worker_.config_.idle_s);
  while (!parser_->is_header_done()) {
    error_code error = http::error::need_more;
    if (buffer_.size() > 0) {
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (!error) continue;
    }
    if (error != http::error::need_more) co_return error;
    const bool first = buffer_.size() == 0;
    if (error = co_await read_more(); error) co_return error;
    if (first) ticks_left = worker_.config_.header_s;
  }
  co_return error_code();
}

Task<error_code> Connection::read_body() {
  parser_->eager(true);
  while (!parser_->is_done()) {
    error_code error = http::error::need_more;
    if (buffer_.size() > 0) {
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (!error) continue;
    }
    if (error != http::error::need_more) co_return error;
    if (error = co_await read_more(); error) co_return error;
  }
  co_return error_code();
}

HttpRequest Connection::head() const {
  const auto& message = parser_->get();
  HttpRequest request;
  request.method = method_of(message.method());
  request.target = view(message.target());
  request.authorization = view(message[http::field::authorization]);
  request.content_type = view(message[http::field::content_type]);
  request.received_unix_ms = worker_.parts_.time.unix_ms();
  request.transaction = choose_transaction(view(message["X-Request-ID"]));
  return request;
}

Task<Connection::Next> Connection::serve_request() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(worker_.config_.header_size_max));
  parser_->body_limit(worker_.config_.limits.code_size_max * 2);
  HttpRequest request;
  error_code error = co_await read_header();
  if (error) {
    const int status = status_of(error);
    if (status == 0) co_return Next::kClose;
    request.transaction = choose_transaction({});
    co_await respond(error_response(status, "The request is not valid HTTP.", request), request.transaction,
                     false);
    co_return Next::kLinger;
  }
  request = head();
  auto admitted = worker_.api_->admit(request);
  auto* refusal = std::get_if<HttpResponse>(&admitted);
  const std::size_t body_max = refusal ? kDrainMax : std::get<Admitted>(admitted).body_size_max;
  const auto length = parser_->content_length();
  HttpResponse too_large;
  if (length && *length > body_max && !refusal) {
    too_large = error_response(
        413, "The request is over the limit of " + std::to_string(body_max) + " bytes.", request);
    refusal = &too_large;
  }
  if (refusal && !(parser_->is_done() || (length && *length <= kDrainMax))) {
    co_await respond(*refusal, request.transaction, false);
    co_return Next::kLinger;
  }
  if (!parser_->is_done()) {
    if (!length) parser_->body_limit(body_max);  // chunked
    ticks_left = worker_.config_.transfer_s +
                 static_cast<unsigned>(length.value_or(body_max) / worker_.config_.transfer_rate);
    if (!refusal && boost::beast::iequals(parser_->get()[http::field::expect], "100-continue") &&
        buffer_.size() == 0) {
      if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n")) co_return Next::kClose;
    }
    error = co_await read_body();
    if (error) {
      const int status = status_of(error);
      if (status == 0) co_return Next::kClose;
      const std::string_view why =
          status == 413 ? "The request is over the limit." : "The request is not valid HTTP.";
      co_await respond(error_response(status, why, request), request.transaction, false);
      co_return Next::kLinger;
    }
  }
  ticks_left = 0;  // the handler has its own limits
  request.body = parser_->get().body();
  const HttpResponse response =
      refusal ? std::move(*refusal) : co_await worker_.api_->handle(std::get<Admitted>(admitted), request);
  const bool keep_alive = parser_->get().keep_alive() && seconds_left() > 0;
  const bool sent = co_await respond(response, request.transaction, keep_alive);
  if (!sent) co_return Next::kClose;
  co_return keep_alive ? Next::kKeepAlive : Next::kLinger;
}

Task<bool> Connection::respond(const HttpResponse& response, std::string_view transaction, bool keep_alive) {
  worker_.parts_.metrics.responses[static_cast<std::size_t>(response.status / 100)].add();
  out_.clear();
  const bool head_only = parser_ && parser_->get().method() == http::verb::head;
  append_response(out_, response, transaction, keep_alive, head_only);
  ticks_left =
      worker_.config_.transfer_s + static_cast<unsigned>(out_.size() / worker_.config_.transfer_rate);
  const bool sent = co_await write(out_);
  if (out_.capacity() > kBufferMax) std::string().swap(out_);
  co_return sent;
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
  Bytes sink(kReadSize);
  for (std::size_t taken = 0; !error && taken < kLingerMax;) {
    const IoResult got = co_await IoAwait(
        [&](auto handler) { socket.async_read_some(asio::buffer(sink), std::move(handler)); });
    error = got.error;
    taken += got.size;
  }
}

}  // namespace clemmys::gateway
