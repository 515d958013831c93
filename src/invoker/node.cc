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
  state->controller = TRY(controller::Controller::open(state->loop, options.controller_socket, options.limits,
                                                       state->clock, *state->store, *state->invoker,
                                                       controller::Observer(options.observe_directory)));
  state->invoker->set_events(*state->controller);
  if (!options.generic.file.empty()) {
    const auto images = TRY(controller::image_directory_of(store_options));
    TRY(images.put(options.generic.image, options.generic.file));
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
