// server.h: the KMS's socket: one thread, epoll, frames of wire/frame.h. In each turn it answers what
// arrived, commits once, and only then sends. Requests of one connection are answered in order. Limits:
// connections, bytes of one frame, bytes waiting per connection; over a limit the connection is closed,
// others go on. Trust: peers are the host.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/result.h"
#include "kms/service.h"

namespace clemmys::kms {

struct ServerLimits {
  std::size_t connections_max = 256;
  std::size_t request_size_max = 8u << 20;  // one frame from a peer
  std::size_t waiting_size_max =
      16u << 20;  // answers that a peer has not taken: nothing more is read from it until it does
};

class Server {
 public:
  // listen binds a Unix stream socket at `path`; an old socket file there is replaced.
  static Result<std::unique_ptr<Server>> listen(const std::string& path, Service& service,
                                                ServerLimits limits = {});
  ~Server();

  // run serves until stop(), or until a commit fails: then its error comes back and the program must end.
  Status run();
  // stop may be called by any thread, once or more; run() returns soon.
  void stop();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::kms
