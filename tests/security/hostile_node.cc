// hostile_node: takes the place of clemmys-node under `clemmys up`, with the same command line.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <filesystem>

#include "base/log.h"
#include "controller/sqlite_store.h"
#include "hostile_controller.h"
#include "hostile_kms.h"
#include "hostile_store.h"
#include "node_options.h"
#include "wire/kms_api.h"

namespace {

using namespace clemmys;
namespace asio = boost::asio;

}  // namespace

int main(int argc, char** argv) {
  set_log_part("hostile-node");
  const invoker::NodeOptions options = testing::parse_node_options(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);

  SystemClock clock;
  asio::io_context loop{1};
  const controller::SqliteStoreOptions store_options{.directory = options.state_directory};
  auto post = [&loop](std::move_only_function<void()> function) { asio::post(loop, std::move(function)); };
  testing::HostileStore store(std::move(*controller::open_sqlite_store(store_options, clock, post)));
  testing::HostileController hostile;
  // The gateway starts after us: it finds our socket in the place of the real one.
  const std::string real = options.kms_socket + ".real", between = options.kms_socket + ".between";
  std::filesystem::rename(options.kms_socket, real);
  testing::HostileKms gateway_kms(loop, options.kms_socket, real, "gateway-", hostile);
  testing::HostileKms kms(loop, between, real, "", hostile);
  invoker::KmsRelay relay(loop, between);
  invoker::LocalInvoker local(loop, clock, relay, store, options.host,
                              std::move(*controller::image_directory_of(store_options)));

  if (!options.generic.file.empty()) {
    const auto images = std::move(*controller::image_directory_of(store_options));
    if (!images.put(options.generic.image, options.generic.file)) return 1;
  }
  controller::SchedulerLimits limits;
  limits.instances_per_function_max = 1;
  limits.start_timeout_ms = 10'000;
  controller::Scheduler scheduler(limits, clock, hostile, hostile);
  local.set_events(hostile);
  testing::OwnInstance own({loop, clock, relay, store, &hostile}, options.host,
                           std::move(*controller::image_directory_of(store_options)));
  hostile.invoker = &local;
  hostile.own_instance = &own;
  hostile.scheduler = &scheduler;
  auto server = controller::GatewayServer::open(loop, options.controller_socket, hostile, store);
  if (!server) {
    log_error(to_string(server.error()));
    return 1;
  }
  hostile.gateway = server->get();

  asio::steady_timer timer(loop);
  std::function<void()> tick = [&] {
    timer.expires_after(std::chrono::milliseconds(10));
    timer.async_wait([&](boost::system::error_code error) {
      if (error) return;
      scheduler.tick();
      tick();
    });
  };
  tick();
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code, int) {
    scheduler.stop_all();
    loop.stop();
  });
  loop.run();
  return 0;
}
