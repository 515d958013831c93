#include "attest/quoting/frame_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "attest/quote_protocol.h"
#include "base/codec.h"

namespace clemmys::attest {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

struct Connection {
  Descriptor socket;
  Bytes in, out;
};

// take_frame removes one complete frame from `in`. kCorrupt: a size that no frame has. Empty: not complete
// yet.
Result<Bytes> take_frame(Bytes& in) {
  if (in.size() < 4) return Bytes{};
  Reader reader(in);
  const std::uint32_t size = reader.u32();
  if (size == 0 || size > kQuoteFrameSizeMax) return Error{ErrorCode::kCorrupt, "attest.frames.size"};
  if (reader.rest().size() < size) return Bytes{};
  Bytes frame = to_bytes(reader.rest().first(size));
  in.erase(in.begin(), in.begin() + 4 + size);
  return frame;
}

// step does what can be done without waiting; false closes the connection.
bool step(Connection& connection, const FrameHandler& handler) {
  std::uint8_t buffer[4096];
  const ssize_t got =
      connection.out.empty() ? ::recv(connection.socket.get(), buffer, sizeof buffer, MSG_DONTWAIT) : 0;
  if (connection.out.empty()) {
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (got > 0) connection.in.insert(connection.in.end(), buffer, buffer + got);
  }
  while (true) {
    while (!connection.out.empty()) {
      const ssize_t sent = ::send(connection.socket.get(), connection.out.data(), connection.out.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      connection.out.erase(connection.out.begin(), connection.out.begin() + sent);
    }
    const auto frame = take_frame(connection.in);
    if (!frame) return false;
    if (frame->empty()) return true;
    Writer writer;
    writer.blob(handler(*frame));
    connection.out = writer.take();
  }
}

Result<Descriptor> listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{ErrorCode::kInvalid, "attest.frames.path"};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::unlink(path.c_str());
  if (listener.get() < 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0) {
    return Error{ErrorCode::kInternal, "attest.frames.listen"};
  }
  return listener;
}

bool watch(int epoll, int operation, int descriptor, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  return ::epoll_ctl(epoll, operation, descriptor, &event) == 0;
}

}  // namespace

Status serve_frames(const std::string& path, const FrameHandler& handler, int stop_descriptor) {
  const Descriptor listener = TRY(listen_on(path));
  const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll.get() < 0 || !watch(epoll.get(), EPOLL_CTL_ADD, listener.get(), EPOLLIN) ||
      (stop_descriptor >= 0 && !watch(epoll.get(), EPOLL_CTL_ADD, stop_descriptor, EPOLLIN))) {
    return Error{ErrorCode::kInternal, "attest.frames.epoll"};
  }
  std::map<int, Connection> connections;
  while (true) {
    epoll_event ready[16];
    const int count = ::epoll_wait(epoll.get(), ready, 16, -1);
    if (count < 0 && errno != EINTR) return Error{ErrorCode::kInternal, "attest.frames.wait"};
    for (int i = 0; i < count; ++i) {
      const int descriptor = ready[i].data.fd;
      if (descriptor == stop_descriptor) return {};
      if (descriptor == listener.get()) {
        Descriptor accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (accepted.get() < 0 || connections.size() >= kFrameConnectionsMax) continue;  // refused by closing
        const int key = accepted.get();
        if (watch(epoll.get(), EPOLL_CTL_ADD, key, EPOLLIN))
          connections.emplace(key, Connection{std::move(accepted), {}, {}});
        continue;
      }
      const auto found = connections.find(descriptor);
      if (found == connections.end()) continue;
      if (!step(found->second, handler) ||
          !watch(epoll.get(), EPOLL_CTL_MOD, descriptor, found->second.out.empty() ? EPOLLIN : EPOLLOUT)) {
        connections.erase(found);  // closing removes it from epoll
      }
    }
  }
}

}  // namespace clemmys::attest
