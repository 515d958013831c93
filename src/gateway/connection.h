// connection.h: one client's connection, from handshake to close. Inner header of gateway/: .cc files only.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "gateway/tls_stream.h"
#include "gateway/worker.h"

namespace clemmys::gateway {

class Connection final : public Timed {
 public:
  // The connection ends at `ends_unix_ms`, with the answer that is under way then.
  Connection(Worker& worker, boost::asio::ip::tcp::socket socket, ssl_st* tls, std::uint64_t ends_unix_ms);
  ~Connection();
  // serve runs a connection to its end and frees it.
  static Task<void> serve(std::unique_ptr<Connection> self);
  void expire() override;

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Next : std::uint8_t {
    kKeepAlive,
    kClose,
    kLinger
  };  // linger: bytes that we did not take are on their way

  Task<Next> serve_request();
  // read_more appends what the client sends; parse lets the parser take what is there.
  Task<boost::system::error_code> read_more();
  Task<boost::system::error_code> read_header();
  Task<boost::system::error_code> read_body();
  Task<bool> respond(const HttpResponse& response, std::string_view transaction, bool keep_alive);
  Task<bool> write(std::string_view bytes);
  Task<void> linger();
  HttpRequest head() const;
  // seconds_left until the end, rounded up; 0: it is past.
  unsigned seconds_left() const;

  Worker& worker_;
  const std::uint64_t ends_unix_ms_;
  TlsStream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string out_;
  std::size_t record_target_ = 0;  // what the TLS layer pads each record to
};

}  // namespace clemmys::gateway
