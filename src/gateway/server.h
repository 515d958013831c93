// server.h: TLS, HTTP/1.1 and the workers. Each worker is a thread with its own event loop, listening socket
// (SO_REUSEPORT), controller connection and API, so that a request never changes threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/api.h"
#include "gateway/kms_link.h"
#include "gateway/tls_identity.h"

namespace clemmys::gateway {

struct ServerConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  unsigned threads = 2;
  std::string controller_socket_path;
  ApiLimits limits;
  std::size_t connections_max =
      7'500;  // per worker; with others' descriptors below the shield's kDescriptorsMax
  std::size_t header_size_max = 16u << 10;
  unsigned handshake_s = 10, header_s = 10, idle_s = 75;
  unsigned transfer_s = 20;  // for a body or an answer, plus a second per transfer_rate bytes
  std::size_t transfer_rate = 64u << 10;
};

// ServerParts outlive the server.
struct ServerParts {
  const View& view;
  const TlsContextSlot& tls;
  const TimeSource& time;
  Metrics& metrics;
  std::function<std::unique_ptr<KmsLink>(Poster)> kms_link;
  std::function<Result<Measurement>(ByteView)> measure_image;
};

class Server {
 public:
  Server(ServerConfig config, ServerParts parts);
  ~Server();  // stops

  // start listens and connects every worker to the controller.
  Status start();
  std::uint16_t port() const;
  void wait();  // until stop()
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::gateway
