#include "controller/link.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <deque>

namespace clemmys::controller {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadBufferSize = 64 * 1024;
constexpr std::size_t kLengthSize = 4, kFrameHeadSize = 5;
constexpr std::size_t kGatherMax = 64;  // pieces of one write

std::uint32_t read_u32(const std::uint8_t* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

struct Outgoing {
  std::array<std::uint8_t, kFrameHeadSize + Link::kPrefixSizeMax> head;
  std::size_t head_size = 0;
  std::size_t head_sent = 0;
  Packet body;
};

}  // namespace

struct Link::State : std::enable_shared_from_this<Link::State> {
  State(Loop& loop, int descriptor, std::size_t size_max, LinkHandlers given)
      : socket(loop), frame_size_max(size_max), handlers(std::move(given)) {
    socket.assign(asio::local::stream_protocol(), descriptor);
    socket.non_blocking(true);
  }

  asio::local::stream_protocol::socket socket;
  const std::size_t frame_size_max;
  LinkHandlers handlers;
  bool closed = false;

  // Reading: the buffer holds [begin, end); a large frame collects in `large` instead.
  std::unique_ptr<std::uint8_t[]> buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kReadBufferSize);
  std::size_t begin = 0, end = 0;
  std::uint8_t large_type = 0;
  Packet large;
  std::size_t large_filled = 0;
  bool large_active = false;

  // Writing.
  std::deque<Outgoing> outgoing;
  std::size_t unsent = 0;
  bool flush_due = false, waiting_for_room = false;
  bool peer_is_deaf = false;  // a write failed: the peer is gone, but what it said before is still to be read

  void close() {
    if (std::exchange(closed, true)) return;
    boost::system::error_code ignored;
    socket.close(ignored);
    outgoing.clear();
    unsent = 0;
  }

  void fail(std::string_view why) {
    if (closed) return;
    close();
    if (auto handler = std::move(handlers.closed)) handler(why);
  }

  void read() {
    const auto target =
        large_active ? asio::buffer(large.writable().data() + large_filled, large.size() - large_filled)
                     : asio::buffer(buffer.get() + end, kReadBufferSize - end);
    socket.async_read_some(target,
                           [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                             if (self->closed) return;
                             if (error) return self->fail("the peer closed the link");
                             if (self->accept(size) && !self->closed) self->read();
                           });
  }

  void deliver(std::uint8_t type, Packet body) { handlers.frame(type, std::move(body)); }

  // accept takes `size` bytes that were just read; false once the link is closed.
  bool accept(std::size_t size) {
    if (large_active) {
      large_filled += size;
      if (large_filled < large.size()) return true;
      large_active = false;
      deliver(large_type, std::move(large));
      return !closed;
    }
    end += size;
    while (end - begin >= kFrameHeadSize) {
      const std::uint8_t* frame = buffer.get() + begin;
      const std::size_t length = read_u32(frame);
      if (length == 0 || length > frame_size_max) {
        fail(kBrokenFraming);
        return false;
      }
      const std::size_t present = end - begin, body_size = length - 1;
      const std::uint8_t type = frame[kLengthSize];
      if (present >= kLengthSize + length) {
        begin += kLengthSize + length;
        deliver(type, Packet::copy_of({frame + kFrameHeadSize, body_size}));
        if (closed) return false;
      } else if (kLengthSize + length > kReadBufferSize / 2) {
        large = Packet(body_size);
        large_filled = present - kFrameHeadSize;
        if (large_filled > 0) std::memcpy(large.writable().data(), frame + kFrameHeadSize, large_filled);
        large_type = type;
        large_active = true;
        begin = end = 0;
        return true;
      } else {
        break;
      }
    }
    if (begin > 0) std::memmove(buffer.get(), buffer.get() + begin, end - begin);
    end -= begin;
    begin = 0;
    return true;
  }

  // plan_flush lets everything that this turn of the loop still sends leave in one write.
  void plan_flush() {
    if (flush_due || waiting_for_room) return;
    flush_due = true;
    asio::post(socket.get_executor(), [self = shared_from_this()] {
      self->flush_due = false;
      self->flush();
    });
  }

  void flush() {
    while (!closed && !outgoing.empty()) {
      std::array<iovec, kGatherMax> pieces;
      std::size_t count = 0;
      for (auto it = outgoing.begin(); it != outgoing.end() && count + 2 <= kGatherMax; ++it) {
        if (it->head_sent < it->head_size)
          pieces[count++] = {it->head.data() + it->head_sent, it->head_size - it->head_sent};
        if (it->body.size() > 0) pieces[count++] = {it->body.writable().data(), it->body.size()};
      }
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count;
      const ssize_t sent = ::sendmsg(socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
          peer_is_deaf = true;
          outgoing.clear();
          unsent = 0;
          return;
        }
        waiting_for_room = true;
        socket.async_wait(asio::socket_base::wait_write,
                          [self = shared_from_this()](boost::system::error_code) {
                            self->waiting_for_room = false;
                            self->flush();
                          });
        return;
      }
      consume(static_cast<std::size_t>(sent));
    }
  }

  void consume(std::size_t sent) {
    unsent -= sent;
    while (!outgoing.empty()) {
      Outgoing& first = outgoing.front();
      const std::size_t of_head = std::min(sent, first.head_size - first.head_sent);
      first.head_sent += of_head;
      const std::size_t of_body = std::min(sent - of_head, first.body.size());
      first.body.drop_front(of_body);
      sent -= of_head + of_body;
      if (first.head_sent < first.head_size || first.body.size() > 0) return;
      outgoing.pop_front();
    }
  }
};

Link::Link(Loop& loop, int descriptor, std::size_t frame_size_max, LinkHandlers handlers)
    : state_(std::make_shared<State>(loop, descriptor, frame_size_max, std::move(handlers))) {
  asio::post(loop, [state = state_] {
    if (!state->closed) state->read();
  });
}

Link::~Link() { state_->close(); }

void Link::send(std::uint8_t type, ByteView prefix, Packet body) {
  CHECK(prefix.size() <= kPrefixSizeMax);
  if (state_->closed || state_->peer_is_deaf) return;
  Outgoing& out = state_->outgoing.emplace_back();
  const auto length = static_cast<std::uint32_t>(1 + prefix.size() + body.size());
  for (std::size_t i = 0; i < kLengthSize; ++i) out.head[i] = static_cast<std::uint8_t>(length >> (8 * i));
  out.head[kLengthSize] = type;
  if (!prefix.empty()) std::memcpy(out.head.data() + kFrameHeadSize, prefix.data(), prefix.size());
  out.head_size = kFrameHeadSize + prefix.size();
  state_->unsent += out.head_size + body.size();
  out.body = std::move(body);
  state_->plan_flush();
}

std::size_t Link::unsent_size() const { return state_->unsent; }
void Link::close() { state_->close(); }

}  // namespace clemmys::controller
