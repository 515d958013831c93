#include "gateway/server.h"

#include <openssl/ssl.h>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "base/log.h"
#include "gateway/asio_await.h"
#include "gateway/connection.h"
#include "gateway/worker.h"

namespace clemmys::gateway {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
namespace {
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kTick{1000}, kAcceptPause{50};
}  // namespace

Worker::Worker(const ServerConfig& config, const ServerParts& parts, OpenActivations& open,
               Throttle& throttle)
    : config_(config),
      parts_(parts),
      controller_(loop_, config.controller_socket_path, parts.time, parts.metrics) {
  kms_ = parts.kms_link([this](std::function<void()> function) { asio::post(loop_, std::move(function)); });
  const auto after = [this](std::uint64_t delay_ms, std::function<void()> function) {
    auto timer = std::make_shared<asio::steady_timer>(loop_, std::chrono::milliseconds(delay_ms));
    timer->async_wait([timer, function = std::move(function)](const error_code& error) {
      if (!error) function();
    });
  };
  api_ = std::make_unique<Api>(ApiContext{.view = parts.view,
                                          .controller = controller_,
                                          .kms = *kms_,
                                          .time = parts.time,
                                          .metrics = parts.metrics,
                                          .open = open,
                                          .throttle = throttle,
                                          .after = after,
                                          .measure_image = parts.measure_image,
                                          .limits = config.limits});
}

Worker::~Worker() {
  stop();
  join();
}

Result<std::uint16_t> Worker::listen(std::uint16_t port) {
  error_code error;
  const auto address = asio::ip::make_address(config_.address, error);
  if (error) return Error{ErrorCode::kInvalid, "gateway.listen.address"};
  acceptor_.open(address.is_v6() ? tcp::v6() : tcp::v4(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.bind({address, port}, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (error) return Error{ErrorCode::kUnavailable, "gateway.listen.bind", error.message()};
  return acceptor_.local_endpoint().port();
}

Status Worker::start() {
  TRY(controller_.connect());
  thread_ = std::thread([this] {
    spawn(accept());
    spawn(tick());
    loop_.run();
  });
  return {};
}

void Worker::stop() { loop_.stop(); }
void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::remove(Timed& connection) {
  auto& list = connection.idle ? idle_ : connections_;
  list.erase(list.iterator_to(connection));
}

void Worker::set_idle(Timed& connection, bool idle) {
  if (connection.idle == idle) return;
  remove(connection);
  connection.idle = idle;
  (idle ? idle_ : connections_).push_back(connection);
}

// make_room is whether another connection fits; the longest idle one gives way.
bool Worker::make_room() {
  if (connections_.size() + idle_.size() < config_.connections_max) return true;
  if (idle_.empty()) return false;
  Timed& longest = idle_.front();
  set_idle(longest, false);  // it ends in a later turn of the loop
  longest.expire();
  return true;
}

Task<void> Worker::accept() {
  for (;;) {
    tcp::socket socket(loop_);
    const IoResult got =
        co_await IoAwait([&](auto handler) { acceptor_.async_accept(socket, std::move(handler)); });
    if (got.error) {
      if (!acceptor_.is_open()) co_return;
      asio::steady_timer pause(loop_, kAcceptPause);  // out of descriptors: do not spin
      co_await IoAwait([&](auto handler) { pause.async_wait(std::move(handler)); });
      continue;
    }
    parts_.metrics.connections.add();
    if (!make_room()) {
      parts_.metrics.connections_refused.add();
      continue;
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const TlsIdentity identity = parts_.tls.get();
    SSL* tls = identity.context ? SSL_new(identity.context.get()) : nullptr;
    if (!tls) continue;
    spawn(Connection::serve(
        std::make_unique<Connection>(*this, std::move(socket), tls, identity.not_after_unix_ms)));
  }
}

Task<void> Worker::tick() {
  for (;;) {
    ticker_.expires_after(kTick);
    co_await IoAwait([&](auto handler) { ticker_.async_wait(std::move(handler)); });
    for (auto* list : {&connections_, &idle_}) {
      for (auto at = list->begin(); at != list->end();) {
        Timed& connection = *at++;
        if (connection.ticks_left > 0 && --connection.ticks_left == 0) connection.expire();
      }
    }
  }
}

struct Server::Impl {
  ServerConfig config;
  ServerParts parts;
  OpenActivations open;
  Throttle throttle{config.limits.per_namespace};
  std::vector<std::unique_ptr<Worker>> workers;
  std::uint16_t port = 0;
};

Server::Server(ServerConfig config, ServerParts parts)
    : impl_(new Impl{.config = std::move(config), .parts = std::move(parts)}) {}
Server::~Server() { stop(); }

Status Server::start() {
  impl_->port = impl_->config.port;
  for (unsigned i = 0; i < std::max(1u, impl_->config.threads); ++i) {
    impl_->workers.push_back(
        std::make_unique<Worker>(impl_->config, impl_->parts, impl_->open, impl_->throttle));
    impl_->port = TRY(impl_->workers.back()->listen(impl_->port));
  }
  for (auto& worker : impl_->workers) TRY(worker->start());
  return {};
}

std::uint16_t Server::port() const { return impl_->port; }
void Server::wait() {
  for (auto& worker : impl_->workers) worker->join();
}
void Server::stop() {
  for (auto& worker : impl_->workers) worker->stop();
  for (auto& worker : impl_->workers) worker->join();
}

}  // namespace clemmys::gateway
