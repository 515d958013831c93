#include "invoker/node.h"

#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "controller/controller.h"
#include "controller/sqlite_store.h"
#include "sgx/image.h"

namespace clemmys::invoker {

namespace asio = boost::asio;

Result<NodeOptions::Generic> read_generic_image(const std::string& path) {
  NodeOptions::Generic generic;
  std::ifstream file(path, std::ios::binary);
  generic.file.assign(std::istreambuf_iterator<char>(file), {});
  generic.image = TRY(sgx::parse_image(generic.file)).measurement;
  return generic;
}

namespace {

constexpr std::uint64_t kMib = 1u << 20;
constexpr std::uint64_t kWaitingHeapMib = 16;  // of an instance that waits: its engine has no code yet

// beside_waiting takes what `count` waiting instances hold off the limits; false when that is not there.
bool beside_waiting(controller::SchedulerLimits& limits, std::uint64_t image_size, std::size_t count) {
  const std::uint64_t epc_mib = count * ((image_size + kMib - 1) / kMib + kWaitingHeapMib);
  const std::uint64_t memory_mib = epc_mib + count * limits.host_process_mib;
  if (count >= limits.instances_max || memory_mib >= limits.memory_mib_max || epc_mib >= limits.epc_mib_max)
    return false;
  limits.instances_max -= count;
  limits.memory_mib_max -= memory_mib;
  limits.epc_mib_max -= epc_mib;
  return true;
}

}  // namespace

// The order of members is the order of lives: the store's thread posts to the loop, the controller calls the
// invoker.
struct Node::State {
  SystemClock clock;
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};
  asio::signal_set signals{loop};
  std::unique_ptr<controller::Store> store;
  std::unique_ptr<KmsRelay> kms;
  std::unique_ptr<LocalInvoker> invoker;
  std::unique_ptr<controller::Controller> controller;
  bool stopping = false;

  void stop() {
    if (std::exchange(stopping, true)) return;
    invoker->keep_prewarmed({}, 0, 0);
    controller->shut_down();
    // What the shutdown answers is written in the next turn; then everything that would keep the loop alive
    // goes, except the waits for processes that are dying.
    asio::post(loop, [this] {
      asio::post(loop, [this] {
        controller->close();
        invoker->close();
        kms.reset();
        boost::system::error_code ignored;
        signals.cancel(ignored);
        work.reset();
      });
    });
  }
};

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const NodeOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);  // a write to a closed pipe is an error, not an end
  auto state = std::make_unique<State>();
  const controller::SqliteStoreOptions store_options{.directory = options.state_directory};
  auto post = [&loop = state->loop](std::move_only_function<void()> function) {
    asio::post(loop, std::move(function));
  };
  state->store = TRY(controller::open_sqlite_store(store_options, state->clock, post));
  state->kms = std::make_unique<KmsRelay>(state->loop, options.kms_socket);
  state->invoker =
      std::make_unique<LocalInvoker>(state->loop, state->clock, *state->kms, *state->store, options.host,
                                     TRY(controller::image_directory_of(store_options)));
  controller::SchedulerLimits limits = options.limits;
  if (!options.generic.file.empty()) {
    const auto images = TRY(controller::image_directory_of(store_options));
    TRY(images.put(options.generic.image, options.generic.file));
    const std::uint64_t size = TRY(state->invoker->image_size(options.generic.image));
    if (!beside_waiting(limits, size, options.generic.prewarmed))
      return Error{ErrorCode::kInvalid, "invoker.node.prewarmed",
                   "the limits leave no room beside the instances that are to wait"};
  }
  state->controller = TRY(controller::Controller::open(state->loop, options.controller_socket, limits,
                                                       state->clock, *state->store, *state->invoker,
                                                       controller::Observer(options.observe_directory)));
  state->invoker->set_events(*state->controller);
  if (!options.generic.file.empty()) {
    state->invoker->keep_prewarmed(options.generic.image, options.generic.prewarmed,
                                   options.limits.payload_size_max);
  }
  return std::unique_ptr<Node>(new Node(std::move(state)));
}

void Node::run() { state_->loop.run(); }

void Node::stop() {
  asio::post(state_->loop, [state = state_.get()] { state->stop(); });
}

void Node::stop_on_signals() {
  state_->signals.add(SIGINT);
  state_->signals.add(SIGTERM);
  state_->signals.async_wait([state = state_.get()](boost::system::error_code error, int) {
    if (error) return;
    log_info("stopping");
    state->stop();
  });
}

}  // namespace clemmys::invoker
