#include "invoker/kms_relay.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <vector>

#include "base/codec.h"
#include "base/log.h"
#include "wire/kms_api.h"

namespace clemmys::invoker {

using controller::Link;
using controller::Packet;

namespace {

constexpr std::size_t kAnswerSizeMax = 4u << 20;
constexpr std::size_t kOpenMax = 4'096;  // questions on one connection

// connect_now connects without waiting: a KMS whose backlog is full is away. -1 on failure.
int connect_now(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return -1;
  std::copy(path.begin(), path.end(), address.sun_path);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return descriptor;
  ::close(descriptor);
  return -1;
}

void refuse(KmsRelay::Answer& answer) {
  Writer writer;
  writer.u8(static_cast<std::uint8_t>(ErrorCode::kUnavailable));
  writer.raw(as_bytes("invoker.kms.away"));
  answer(std::to_underlying(wire::KmsFrame::kRefused), Packet::copy_of(writer.bytes()));
}

}  // namespace

struct KmsRelay::State : std::enable_shared_from_this<KmsRelay::State> {
  struct Connection {
    std::unique_ptr<Link> link;
    std::deque<Answer> open;  // oldest first
  };

  State(controller::Loop& loop_, std::string path_, std::size_t count)
      : loop(loop_), path(std::move(path_)), connections(count) {}

  controller::Loop& loop;
  const std::string path;
  std::vector<Connection> connections;
  std::uint64_t losses = 0;

  bool connect(std::size_t index) {
    const int descriptor = connect_now(path);
    if (descriptor < 0) return false;
    controller::LinkHandlers handlers;
    handlers.frame = [this, index](std::uint8_t type, Packet body) { take(index, type, std::move(body)); };
    handlers.closed = [this, index](std::string_view why) { lose(index, why); };
    connections[index].link = std::make_unique<Link>(loop, descriptor, kAnswerSizeMax, std::move(handlers));
    return true;
  }

  void take(std::size_t index, std::uint8_t type, Packet body) {
    Connection& connection = connections[index];
    if (connection.open.empty()) return lose(index, "an answer to no question");
    Answer answer = std::move(connection.open.front());
    connection.open.pop_front();
    answer(type, std::move(body));
  }

  void lose(std::size_t index, std::string_view why) {
    log_warning("lost a connection to the KMS: " + std::string(why));
    ++losses;
    connections[index].link.reset();
    for (Answer& answer : std::exchange(connections[index].open, {})) refuse(answer);
  }
};

KmsRelay::KmsRelay(controller::Loop& loop, std::string socket_path, std::size_t connections)
    : state_(std::make_shared<State>(loop, std::move(socket_path), connections)) {}

KmsRelay::~KmsRelay() {
  for (State::Connection& connection : state_->connections) connection = {};
}

std::uint64_t KmsRelay::losses() const { return state_->losses; }

void KmsRelay::ask(std::uint64_t asker, std::uint8_t type, Packet body, Answer answer) {
  const std::size_t index = asker % state_->connections.size();
  State::Connection& connection = state_->connections[index];
  if (connection.open.size() >= kOpenMax || (!connection.link && !state_->connect(index))) {
    boost::asio::post(state_->loop, [answer = std::move(answer)]() mutable { refuse(answer); });
    return;
  }
  connection.open.push_back(std::move(answer));
  connection.link->send(type, {}, std::move(body));
}

}  // namespace clemmys::invoker
