// raw_tls.h: a TLS connection to a gateway for clients that misbehave: it sends whatever bytes a test wants,
// reads when it wants, and holds next to no memory. Blocking; verifies nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace clemmys::testing {

class RawTls {
 public:
  // RawTls connects and shakes hands; receive_buffer bounds what both kernels take for a client that does
  // not read (0: the system's choice). Throws std::runtime_error when it is refused.
  explicit RawTls(unsigned short port, int receive_buffer = 0);
  ~RawTls();
  RawTls(RawTls&&) noexcept;

  // send is false once the peer has closed.
  bool send(std::string_view bytes);
  // receive_all reads until the peer closes, or the time is over (then `closed` is false).
  struct Received {
    std::string bytes;
    bool closed = false;
  };
  Received receive_all(std::chrono::milliseconds patience);
  // forget frees the client's TLS state and keeps the connection: what an idle client costs here is a
  // descriptor.
  void forget();
  // is_closed is whether the peer has closed a forgotten connection, within `patience`.
  bool is_closed(std::chrono::milliseconds patience) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clemmys::testing
