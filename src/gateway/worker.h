// worker.h: one thread of the server. Inner header of gateway/: .cc files only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <thread>

#include "gateway/controller_link.h"
#include "gateway/server.h"

namespace clemmys::gateway {

// Timed is a connection as the worker's clock sees it: a tick a second, and at the end of its patience it is
// closed. One timer for all connections costs no system call per request. idle: it waits for the first byte
// of a request.
struct Timed : boost::intrusive::list_base_hook<> {
  unsigned ticks_left = 0;  // 0: no limit
  bool idle = false;
  virtual void expire() = 0;

 protected:
  ~Timed() = default;
};

class Worker {
 public:
  Worker(const ServerConfig& config, const ServerParts& parts, OpenActivations& open, Throttle& throttle);
  ~Worker();

  // listen binds; port 0 chooses one, which is returned.
  Result<std::uint16_t> listen(std::uint16_t port);
  Status start();
  void stop();
  void join();

 private:
  friend class Connection;
  void add(Timed& connection) { connections_.push_back(connection); }
  void remove(Timed& connection);
  void set_idle(Timed& connection, bool idle);
  bool make_room();
  Task<void> accept();
  Task<void> tick();

  const ServerConfig& config_;
  const ServerParts& parts_;
  boost::asio::io_context loop_{1};
  boost::asio::ip::tcp::acceptor acceptor_{loop_};
  boost::asio::steady_timer ticker_{loop_};
  boost::intrusive::list<Timed> connections_,
      idle_;  // a connection is in one of them; the longest idle one first
  SocketControllerLink controller_;
  std::unique_ptr<KmsLink> kms_;
  std::unique_ptr<Api> api_;
  std::thread thread_;
};

}  // namespace clemmys::gateway
