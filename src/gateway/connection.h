// connection.h: one client's connection, from handshake to close: TLS, and how long each thing may take; what
// is said on it is http_exchange.h. Inner header of gateway/: .cc files only.
#pragma once

#include "gateway/http_exchange.h"
#include "gateway/tls_stream.h"
#include "gateway/worker.h"

namespace clemmys::gateway {

class Connection final : public Timed, private HttpTransport {
 public:
  // The connection ends at `ends_unix_ms`, with the answer that is under way then.
  Connection(Worker& worker, boost::asio::ip::tcp::socket socket, ssl_st* tls, std::uint64_t ends_unix_ms);
  ~Connection();
  // serve runs a connection to its end and frees it.
  static Task<void> serve(std::unique_ptr<Connection> self);
  void expire() override;

 private:
  Task<boost::system::error_code> read_more(RequestReader& reader) override;
  Task<bool> write(std::string_view bytes) override;
  void enter(Phase phase, std::size_t size) override;
  bool may_serve_more() const override { return seconds_left() > 0; }

  Task<void> linger();
  // seconds_left until the end, rounded up; 0: it is past.
  unsigned seconds_left() const;

  Worker& worker_;
  const std::uint64_t ends_unix_ms_;
  TlsStream stream_;
  HttpExchange exchange_;
  std::size_t record_target_ = 0;  // what the TLS layer pads each record to
};

}  // namespace clemmys::gateway
