// kill_node: takes the place of clemmys-node under `clemmys up`, with the same command line. Controller,
// store and invoker are the real ones; the killer stands between them.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "base/log.h"
#include "controller/controller.h"
#include "controller/sqlite_store.h"
#include "killer.h"
#include "node_options.h"

int main(int argc, char** argv) {
  using namespace clemmys;
  namespace asio = boost::asio;
  set_log_part("kill-node");
  const invoker::NodeOptions options = testing::parse_node_options(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);

  SystemClock clock;
  asio::io_context loop{1};
  const controller::SqliteStoreOptions store_options{.directory = options.state_directory};
  auto post = [&loop](std::move_only_function<void()> function) { asio::post(loop, std::move(function)); };
  auto store = std::move(*controller::open_sqlite_store(store_options, clock, post));
  invoker::KmsRelay relay(loop, options.kms_socket);
  invoker::LocalInvoker local(loop, clock, relay, *store, options.host,
                              std::move(*controller::image_directory_of(store_options)));
  testing::Killer killer(loop, local, testing::KillPlan::from_environment());
  local.set_events(killer);
  auto controller =
      controller::Controller::open(loop, options.controller_socket, options.limits, clock, *store, killer);
  if (!controller) {
    log_error(to_string(controller.error()));
    return 1;
  }
  killer.listener = controller->get();
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) {
    (*controller)->shut_down();
    loop.stop();
  });
  loop.run();
  return 0;
}
