#include "kms/server.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "base/log.h"
#include "kms/file.h"

namespace clemmys::kms {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kEventsMax = 64;

Error failed(std::string_view site) { return Error{ErrorCode::kInternal, site, std::strerror(errno)}; }

// Connection is one peer. `out` from `sent` on waits to be written.
struct Connection {
  Descriptor socket;
  wire::FrameBuffer in;
  Bytes out;
  std::size_t sent = 0;
  std::uint32_t interest = EPOLLIN;
  bool closing = false;  // close once everything is written; nothing more is read
  bool backlog = false;  // complete requests are waiting for room in `out`

  Connection(Descriptor descriptor, std::size_t frame_size_max)
      : socket(std::move(descriptor)), in(frame_size_max) {}
  std::size_t waiting() const { return out.size() - sent; }
};

}  // namespace

struct Server::Impl {
  Service& service;
  ServerLimits limits;
  std::string path;
  Descriptor listener, epoll, wakeup;
  std::map<int, Connection> connections;
  std::vector<int> touched;  // connections to look at when the turn ends
  std::atomic<bool> stopping = false;

  Impl(Service& given, ServerLimits given_limits) : service(given), limits(given_limits) {}

  Status watch(int descriptor, std::uint32_t events, int operation) {
    epoll_event event{.events = events, .data = {.fd = descriptor}};
    if (::epoll_ctl(epoll.get(), operation, descriptor, &event) != 0) return failed("kms.server.epoll_ctl");
    return {};
  }

  Status open();
  void accept_all();
  // read_from takes at most one buffer per turn, so that no peer holds the others up. false: the connection
  // is over.
  bool read_from(Connection& connection);
  void answer_frames(Connection& connection);
  bool write_to(Connection& connection);
  Status turn();
  void finish_turn();
};

Status Server::Impl::open() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{ErrorCode::kInvalid, "kms.server.path", path};
  std::memcpy(address.sun_path, path.data(), path.size());
  listener = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (listener.get() < 0) return failed("kms.server.socket");
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed("kms.server.bind");
  if (::listen(listener.get(), 128) != 0) return failed("kms.server.listen");
  epoll = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  wakeup = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (epoll.get() < 0 || wakeup.get() < 0) return failed("kms.server.epoll");
  TRY(watch(listener.get(), EPOLLIN, EPOLL_CTL_ADD));
  return watch(wakeup.get(), EPOLLIN, EPOLL_CTL_ADD);
}

void Server::Impl::accept_all() {
  for (;;) {
    Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int number = socket.get();
    if (number < 0) return;
    if (connections.size() >= limits.connections_max) continue;  // closes it
    if (!watch(number, EPOLLIN, EPOLL_CTL_ADD)) continue;
    connections.insert_or_assign(number, Connection(std::move(socket), limits.request_size_max));
  }
}

bool Server::Impl::read_from(Connection& connection) {
  std::array<std::uint8_t, kReadSize> buffer;
  const ssize_t count = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (static_cast<std::size_t>(count) > buffer.size()) return false;
  if (connection.closing) return count > 0;
  if (count == 0) {
    connection.closing = true;  // a peer may stop asking before it has read every answer
    return connection.waiting() > 0;
  }
  connection.in.feed(ByteView(buffer).first(static_cast<std::size_t>(count)));
  return true;
}

void Server::Impl::answer_frames(Connection& connection) {
  connection.backlog = false;
  while (!connection.closing) {
    if (connection.waiting() >= limits.waiting_size_max) {
      connection.backlog = true;
      return;
    }
    auto frame = connection.in.next();
    if (!frame) {
      connection.closing = true;  // not our framing: the rest of the stream means nothing
      return;
    }
    if (!*frame) return;
    const wire::Frame reply = service.handle(**frame);
    const Bytes encoded = wire::encode_frame(reply.type, reply.body);
    connection.out.insert(connection.out.end(), encoded.begin(), encoded.end());
  }
}

bool Server::Impl::write_to(Connection& connection) {
  while (connection.waiting() > 0) {
    const ByteView rest = ByteView(connection.out).subspan(connection.sent);
    const ssize_t count = ::send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count <= 0 || static_cast<std::size_t>(count) > rest.size()) return false;
    connection.sent += static_cast<std::size_t>(count);
  }
  if (connection.waiting() == 0) {
    connection.out.clear();
    connection.sent = 0;
    if (connection.closing) return false;
  } else if (connection.sent > kReadSize) {
    connection.out.erase(connection.out.begin(),
                         connection.out.begin() + static_cast<std::ptrdiff_t>(connection.sent));
    connection.sent = 0;
  }
  const bool reading =
      !connection.closing && !connection.backlog && connection.waiting() < limits.waiting_size_max;
  const bool writing = connection.waiting() > 0 || connection.backlog;
  const std::uint32_t interest = (reading ? EPOLLIN : 0u) | (writing ? EPOLLOUT : 0u);
  if (interest != connection.interest) {
    if (!watch(connection.socket.get(), interest, EPOLL_CTL_MOD)) return false;
    connection.interest = interest;
  }
  return true;
}

Status Server::Impl::turn() {
  std::array<epoll_event, kEventsMax> events;
  const int count = ::epoll_wait(epoll.get(), events.data(), kEventsMax, -1);
  if (count < 0 && errno != EINTR) return failed("kms.server.epoll_wait");
  touched.clear();
  for (int i = 0; i < count && i < kEventsMax; ++i) {
    const int number = events[static_cast<std::size_t>(i)].data.fd;
    if (number == listener.get()) accept_all();
    const auto found = connections.find(number);
    if (found == connections.end()) continue;
    Connection& connection = found->second;
    const bool alive = (events[static_cast<std::size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 ||
                       read_from(connection);
    if (!alive) {
      connections.erase(found);
      continue;
    }
    answer_frames(connection);
    touched.push_back(number);
  }
  TRY(service.commit());
  finish_turn();
  return {};
}

void Server::Impl::finish_turn() {
  for (const int number : touched) {
    const auto found = connections.find(number);
    if (found != connections.end() && !write_to(found->second)) connections.erase(found);
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { ::unlink(impl_->path.c_str()); }

Result<std::unique_ptr<Server>> Server::listen(const std::string& path, Service& service,
                                               ServerLimits limits) {
  auto impl = std::make_unique<Impl>(service, limits);
  impl->path = path;
  TRY(impl->open());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Status Server::run() {
  while (!impl_->stopping) TRY(impl_->turn());
  return {};
}

void Server::stop() {
  impl_->stopping = true;
  const std::uint64_t one = 1;
  if (::write(impl_->wakeup.get(), &one, sizeof one) < 0) return;  // only full when it already wakes
}

}  // namespace clemmys::kms
