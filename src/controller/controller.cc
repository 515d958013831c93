#include "controller/controller.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

namespace clemmys::controller {

struct Controller::State : std::enable_shared_from_this<Controller::State> {
  State(Loop& loop, const Clock& clock_) : timer(loop), clock(clock_) {}

  boost::asio::steady_timer timer;
  const Clock& clock;
  Observer observer;
  std::unique_ptr<GatewayServer> gateways;
  // Late breaks the ring of construction: the scheduler answers through the server, which runs requests on
  // the scheduler.
  struct Late final : Answers {
    Answers* target = nullptr;
    void event(Request request, Packet envelope) override { target->event(request, std::move(envelope)); }
    void done(Request request, Packet envelope) override { target->done(request, std::move(envelope)); }
    void failed(Request request, const wire::PlatformError& error) override {
      target->failed(request, error);
    }
  } answers;
  std::optional<Scheduler> scheduler;
  std::uint64_t armed_ns = ~std::uint64_t{0};
  bool closed = false;

  // arm sets the timer when the scheduler wants a tick before the one that is set.
  void arm() {
    const std::uint64_t due = scheduler->tick_due_ns();
    if (closed || due >= armed_ns) return;
    armed_ns = due;
    const std::uint64_t now = clock.monotonic_ns();
    timer.expires_after(std::chrono::nanoseconds(due > now ? due - now : 0));
    timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (error || self->closed) return;
      self->armed_ns = ~std::uint64_t{0};
      self->scheduler->tick();
      self->arm();
    });
  }
};

Controller::Controller(std::shared_ptr<State> state) : state_(std::move(state)) {}
Controller::~Controller() { close(); }

Result<std::unique_ptr<Controller>> Controller::open(Loop& loop, const std::string& socket_path,
                                                     const SchedulerLimits& limits, const Clock& clock,
                                                     Store& store, Invoker& invoker, Observer observer) {
  auto state = std::make_shared<State>(loop, clock);
  state->observer = std::move(observer);
  state->scheduler.emplace(limits, clock, invoker, state->answers);
  std::unique_ptr<Controller> controller(new Controller(state));
  state->gateways = TRY(GatewayServer::open(loop, socket_path, *controller, store));
  state->answers.target = state->gateways.get();
  return controller;
}

void Controller::shut_down() { state_->scheduler->shut_down(); }

void Controller::close() {
  if (std::exchange(state_->closed, true)) return;
  state_->timer.cancel();
  if (state_->gateways) state_->gateways->close();
}

void Controller::run(Request request, Packet envelope) {
  state_->observer.see(envelope.view());
  state_->scheduler->run(request, std::move(envelope));
  state_->arm();
}
void Controller::client_gone(ClientId client) { state_->scheduler->client_gone(client); }
void Controller::retire(const ChainId& chain) {
  state_->scheduler->retire(chain);
  state_->arm();
}
std::string Controller::status_json() const { return state_->scheduler->status_json(); }

void Controller::instance_ready(InstanceId instance, const StartTimes& times) {
  state_->scheduler->instance_ready(instance, times);
  state_->arm();
}
void Controller::instance_output(InstanceId instance, Packet envelope) {
  state_->observer.see(envelope.view());
  state_->scheduler->instance_output(instance, std::move(envelope));
  state_->arm();
}
void Controller::instance_event(InstanceId instance, Packet envelope) {
  state_->observer.see(envelope.view());
  state_->scheduler->instance_event(instance, std::move(envelope));
}
void Controller::instance_retires(InstanceId instance) { state_->scheduler->instance_retires(instance); }
void Controller::instance_refused(InstanceId instance, ErrorCode code, std::string_view site) {
  state_->scheduler->instance_refused(instance, code, site);
  state_->arm();
}
void Controller::instance_ended(InstanceId instance, InstanceEnd how, std::string_view why) {
  state_->scheduler->instance_ended(instance, how, why);
  state_->arm();
}

}  // namespace clemmys::controller
