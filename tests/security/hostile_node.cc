// hostile_node: takes the place of clemmys-node under `clemmys up`, with the same command line.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>

#include "base/log.h"
#include "controller/sqlite_store.h"
#include "hostile_controller.h"
#include "hostile_store.h"
#include "invoker/node.h"
#include "wire/kms_api.h"

namespace {

using namespace clemmys;
using clemmys::testing::Attack;
using controller::Packet;
namespace asio = boost::asio;

// HostileKms stands between instances and the KMS.
class HostileKms {
 public:
  HostileKms(asio::io_context& loop, const std::string& path, const std::string& real)
      : loop_(loop), acceptor_(loop), real_(loop, real, 1) {
    ::unlink(path.c_str());
    acceptor_.open();
    acceptor_.bind(path);
    acceptor_.listen();
    accept();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error,
                                  asio::local::stream_protocol::socket socket) {
      if (error) return;
      const std::size_t index = links_.size();
      controller::LinkHandlers handlers;
      handlers.frame = [this, index](std::uint8_t type, Packet body) { relay(index, type, std::move(body)); };
      handlers.closed = [](std::string_view) {};
      links_.push_back(
          std::make_unique<controller::Link>(loop_, socket.release(), 4u << 20, std::move(handlers)));
      accept();
    });
  }

  void relay(std::size_t index, std::uint8_t type, Packet body) {
    const std::string attack = Attack::now().name;
    if (attack == "kms-flip-question" && body.size() > 0) {
      Attack::log("applied kms-flip-question");
      body.writable()[body.size() / 2] ^= 1;
    }
    real_.ask(0, type, std::move(body), [this, index, type, attack](std::uint8_t answer_type, Packet answer) {
      Bytes bytes = to_bytes(answer.view());
      if (attack == "kms-flip-answer" && !bytes.empty()) {
        Attack::log("applied kms-flip-answer");
        bytes[bytes.size() / 2] ^= 1;
      } else if (attack == "kms-old-answer" && old_.contains(type)) {
        Attack::log("applied kms-old-answer");
        bytes = old_[type];
      } else if (attack.empty()) {
        old_[type] = bytes;
      }
      links_[index]->send(answer_type, {}, Packet::copy_of(bytes));
    });
  }

  asio::io_context& loop_;
  asio::local::stream_protocol::acceptor acceptor_;
  invoker::KmsRelay real_;
  std::vector<std::unique_ptr<controller::Link>> links_;
  std::map<std::uint8_t, Bytes> old_;  // the latest honest answer to each type of question
};

}  // namespace

int main(int argc, char** argv) {
  set_log_part("hostile-node");
  invoker::NodeOptions options;
  CLI::App app("A host that attacks. For tests.");
  app.add_option("--controller-socket", options.controller_socket);
  app.add_option("--kms-socket", options.kms_socket);
  app.add_option("--state", options.state_directory);
  app.add_option("--host-binary", options.host.binary);
  app.add_option("--platform", options.host.platform);
  app.add_option("--soft-state", options.host.soft_state);
  app.add_option("--quote-socket", options.host.quote_socket);
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);
  ::signal(SIGPIPE, SIG_IGN);

  SystemClock clock;
  asio::io_context loop{1};
  const controller::SqliteStoreOptions store_options{.directory = options.state_directory};
  auto post = [&loop](std::move_only_function<void()> function) { asio::post(loop, std::move(function)); };
  testing::HostileStore store(std::move(*controller::open_sqlite_store(store_options, clock, post)));
  const std::string kms_between = options.kms_socket + ".between";
  HostileKms kms(loop, kms_between, options.kms_socket);
  invoker::KmsRelay relay(loop, kms_between);
  invoker::LocalInvoker local(loop, clock, relay, options.host,
                              std::move(*controller::image_directory_of(store_options)));

  testing::HostileController hostile;
  controller::SchedulerLimits limits;
  limits.instances_per_function_max = 1;
  limits.start_timeout_ms = 10'000;
  controller::Scheduler scheduler(limits, clock, hostile, hostile);
  local.set_events(hostile);
  hostile.invoker = &local;
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
