// controller.h: the controller of one machine: scheduler, gateways' socket and timer on one loop.
// Threads: the loop's only; status and limits need no locks because nothing else touches them.
#pragma once

#include <memory>
#include <string>

#include "controller/gateway_server.h"
#include "controller/observer.h"
#include "controller/scheduler.h"

namespace clemmys::controller {

class Controller final : public Runner, public InstanceEvents {
 public:
  // open begins to serve; all references must outlive the controller. Its InstanceEvents are to be called by
  // `invoker`.
  static Result<std::unique_ptr<Controller>> open(Loop& loop, const std::string& socket_path,
                                                  const SchedulerLimits& limits, const Clock& clock,
                                                  Store& store, Invoker& invoker, Observer observer = {});
  ~Controller() override;
  // shut_down answers what is open with kShutdown and ends every instance. What it still sends leaves in the
  // loop's next turn.
  void shut_down();
  // close ends all connections; no timer and no handler is left on the loop afterwards.
  void close();

  void run(Request request, Packet envelope) override;
  void client_gone(ClientId client) override;
  void retire(const ChainId& chain) override;
  std::string status_json() const override;

  void instance_ready(InstanceId instance, const StartTimes& times) override;
  void instance_output(InstanceId instance, Packet envelope) override;
  void instance_event(InstanceId instance, Packet envelope) override;
  void instance_retires(InstanceId instance) override;
  void instance_refused(InstanceId instance, ErrorCode code, std::string_view site) override;
  void instance_ended(InstanceId instance, InstanceEnd how, std::string_view why) override;

 private:
  struct State;
  explicit Controller(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::controller
