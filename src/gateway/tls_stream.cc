#include "gateway/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace clemmys::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

}  // namespace

BIO_METHOD* TlsStream::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gateway");
    CHECK(made != nullptr);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

TlsStream::TlsStream(asio::ip::tcp::socket socket, SSL* tls) : socket_(std::move(socket)), tls_(tls) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  BIO* bio = BIO_new(bio_method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls_, bio, bio);
  SSL_set_accept_state(tls_);
}

TlsStream::~TlsStream() { SSL_free(tls_); }

// take gives what is in the inbox; when that was full, what else has come goes straight to where it is
// wanted.
int TlsStream::take(char* out, int size) {
  if (begin_ < end_) {
    const std::size_t count = std::min(end_ - begin_, static_cast<std::size_t>(size));
    std::copy_n(inbox_.data() + begin_, count, out);
    begin_ += count;
    return static_cast<int>(count);
  }
  if (!maybe_more_) return -1;
  const ssize_t got = ::recv(socket_.native_handle(), out, static_cast<std::size_t>(size), MSG_DONTWAIT);
  maybe_more_ = got == size;
  return static_cast<int>(got);
}

int TlsStream::bio_read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const int got = stream_of(bio).take(out, size);
  // Nothing there: whether it is the end shows in the next receive.
  if (got <= 0) BIO_set_retry_read(bio);
  return got <= 0 ? -1 : got;
}

int TlsStream::bio_write(BIO* bio, const char* in, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(stream_of(bio).socket_.native_handle(), in, static_cast<std::size_t>(size),
                              MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

Task<error_code> TlsStream::receive() {
  if (begin_ < end_ || maybe_more_) co_return error_code();
  const IoResult got = co_await IoAwait(
      [&](auto handler) { socket_.async_read_some(asio::buffer(inbox_), std::move(handler)); });
  begin_ = 0;
  end_ = got.error ? 0 : got.size;
  maybe_more_ = end_ == inbox_.size();
  co_return got.error;
}

Task<error_code> TlsStream::fill() {
  if (SSL_has_pending(tls_) == 1) co_return error_code();
  co_return co_await receive();
}

Task<error_code> TlsStream::ready(int result) {
  const int wants = SSL_get_error(tls_, result);
  if (wants == SSL_ERROR_WANT_READ) co_return co_await receive();
  if (wants == SSL_ERROR_WANT_WRITE) {
    const IoResult room = co_await IoAwait(
        [&](auto handler) { socket_.async_wait(asio::socket_base::wait_write, std::move(handler)); });
    co_return room.error;
  }
  co_return wants == SSL_ERROR_ZERO_RETURN ? error_code(asio::error::eof)
                                           : error_code(asio::error::connection_aborted);
}

Task<error_code> TlsStream::handshake() {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_);
    if (result == 1) co_return error_code();
    if (const error_code error = co_await ready(result); error) co_return error;
  }
}

Task<IoResult> TlsStream::read_some(asio::mutable_buffer out) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_read(tls_, out.data(), static_cast<int>(out.size()));
    if (result > 0) co_return IoResult{{}, static_cast<std::size_t>(result)};
    if (const error_code error = co_await ready(result); error) co_return IoResult{error, 0};
  }
}

Task<IoResult> TlsStream::write_some(asio::const_buffer in) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_write(tls_, in.data(), static_cast<int>(in.size()));
    if (result > 0) co_return IoResult{{}, static_cast<std::size_t>(result)};
    if (const error_code error = co_await ready(result); error) co_return IoResult{error, 0};
  }
}

Task<void> TlsStream::shutdown() {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_shutdown(tls_);
    if (result >= 0) co_return;
    if (co_await ready(result)) co_return;
  }
}

}  // namespace clemmys::gateway
