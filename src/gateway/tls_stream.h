// tls_stream.h: TLS over one socket, for coroutines. Inner header of gateway/: .cc files only. Idea: a
// connection that waits costs little: OpenSSL reads and writes the socket itself, through a BIO of ours, and
// what waits is a receive into a small inbox. (Boost's ssl::stream keeps some 70 KiB of buffers per
// connection.) Threads: one worker's.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "gateway/asio_await.h"
#include "gateway/task.h"

namespace clemmys::gateway {

class TlsStream {
 public:
  // TlsStream takes both; `tls` is a server's.
  TlsStream(boost::asio::ip::tcp::socket socket, SSL* tls);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  SSL* tls() { return tls_; }

  // Each of these ends with an error once the socket is closed. read_some gives asio::error::eof at the
  // peer's end.
  Task<boost::system::error_code> handshake();
  Task<IoResult> read_some(boost::asio::mutable_buffer out);
  Task<IoResult> write_some(boost::asio::const_buffer in);
  // shutdown sends our end, and waits for no answer.
  Task<void> shutdown();
  // fill waits until something has come in, or the connection is at its end; read_some says which.
  Task<boost::system::error_code> fill();

 private:
  static constexpr std::size_t kInboxSize = 2'048;  // a usual request

  static BIO_METHOD* bio_method();
  static int bio_read(BIO* bio, char* out, int size);
  static int bio_write(BIO* bio, const char* in, int size);
  int take(char* out, int size);
  // receive fills the inbox unless there is something to read already.
  Task<boost::system::error_code> receive();
  // ready waits for what OpenSSL wants after `result`; an error when nothing can help.
  Task<boost::system::error_code> ready(int result);

  boost::asio::ip::tcp::socket socket_;
  SSL* const tls_;
  std::array<char, kInboxSize> inbox_;
  std::size_t begin_ = 0, end_ = 0;
  bool maybe_more_ = false;  // the last receive took all that there was room for
};

}  // namespace clemmys::gateway
