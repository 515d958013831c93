// gateway_server.h: the Unix socket on which gateways speak ControllerFrame (wire/links.h). Runs go to the
// scheduler, everything else to the store. Trust: gateways are enclaves, but their host process is not: any
// frame may come, and a malformed one ends its connection. Threads: the loop's only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/link.h"
#include "controller/scheduler.h"
#include "controller/store.h"

namespace clemmys::controller {

// Runner is the scheduler as gateways see it.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual void run(Request request, Packet envelope) = 0;
  virtual void client_gone(ClientId client) = 0;
  virtual void retire(const ChainId& chain) = 0;
  virtual std::string status_json() const = 0;
};

class GatewayServer final : public Answers {
 public:
  // open listens on `path`, replacing a socket left there. All references must outlive the server.
  static Result<std::unique_ptr<GatewayServer>> open(Loop& loop, const std::string& path, Runner& runner,
                                                     Store& store);
  ~GatewayServer() override;
  // close ends listening and every connection.
  void close();

  void event(Request request, Packet envelope) override;
  void done(Request request, Packet envelope) override;
  void failed(Request request, const wire::PlatformError& error) override;

 private:
  struct State;
  explicit GatewayServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::controller
