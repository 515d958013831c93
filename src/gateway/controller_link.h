// controller_link.h: a worker's connection to the controller. Idea: all frames of one turn of the event loop
// leave in one write. The peer is hostile: numbers that we did not give, second answers and broken framing
// are dropped or end the connection; a lost connection ends what waits on it and is opened again.
// Notifications (records) outlive a connection: each is kept until it is acknowledged, and sent again on the
// next one, for the store takes the same record twice, and none that is older than what it has.
#pragma once

#include <memory>
#include <string>

#include "gateway/api.h"

namespace boost::asio {
class io_context;
}

namespace clemmys::gateway {

class SocketControllerLink final : public ControllerLink {
 public:
  SocketControllerLink(boost::asio::io_context& loop, std::string socket_path, const TimeSource& time,
                       Metrics& metrics);
  ~SocketControllerLink() override;

  // connect opens the connection now; later ones are opened by themselves.
  Status connect();
  // close ends everything that waits, and opens no more connections.
  void close();

  Task<Result<Bytes>> call(wire::ControllerFrame type, Bytes body) override;
  void notify(wire::ControllerFrame type, Bytes body) override;
  void when_sent(std::function<void()> then) override;
  Status run(const NamespaceId& owner, ByteView envelope, std::shared_ptr<RunListener> listener) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::gateway
