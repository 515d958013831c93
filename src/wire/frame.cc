#include "wire/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/codec.h"

namespace clemmys::wire {
namespace {

constexpr std::size_t kLengthSize = 4, kPrefixSize = kLengthSize + 1;
// kCompactSize: consumed bytes are dropped from the front of the buffer once they are this many.
constexpr std::size_t kCompactSize = 64 << 10;

void put_prefix(std::uint8_t (&prefix)[kPrefixSize], std::uint8_t type, std::size_t body_size) {
  CHECK(body_size < kFrameSizeMax);
  const auto length = static_cast<std::uint32_t>(body_size + 1);
  for (std::size_t i = 0; i < kLengthSize; ++i) prefix[i] = static_cast<std::uint8_t>(length >> (8 * i));
  prefix[kLengthSize] = type;
}

Status read_exactly(int descriptor, MutableBytes out) {
  while (!out.empty()) {
    const ssize_t count = ::read(descriptor, out.data(), out.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::kUnavailable, "wire.frame.read"};
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

Bytes encode_frame(std::uint8_t type, ByteView body) {
  std::uint8_t prefix[kPrefixSize];
  put_prefix(prefix, type, body.size());
  Bytes out;
  out.reserve(kPrefixSize + body.size());
  out.insert(out.end(), prefix, prefix + kPrefixSize);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

void FrameBuffer::feed(ByteView bytes) {
  if (start_ == buffer_.size()) {
    buffer_.clear();
    start_ = 0;
  } else if (start_ >= kCompactSize) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(start_));
    start_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Frame>> FrameBuffer::next() {
  const ByteView pending = ByteView(buffer_).subspan(start_);
  if (pending.size() < kLengthSize) return std::optional<Frame>();
  const std::uint32_t length = Reader(pending.first(kLengthSize)).u32();
  if (length == 0 || length > frame_size_max_) return Error{ErrorCode::kCorrupt, "wire.frame.length"};
  if (pending.size() - kLengthSize < length) return std::optional<Frame>();
  Frame frame{pending[kLengthSize], to_bytes(pending.subspan(kPrefixSize, length - 1))};
  start_ += kLengthSize + length;
  return std::optional<Frame>(std::move(frame));
}

Status write_frame(int descriptor, std::uint8_t type, ByteView body) {
  std::uint8_t prefix[kPrefixSize];
  put_prefix(prefix, type, body.size());
  iovec parts[2] = {{prefix, kPrefixSize}, {const_cast<std::uint8_t*>(body.data()), body.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  while (message.msg_iovlen > 0) {
    ssize_t count = ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
    if (count < 0 && errno == ENOTSOCK)
      count = ::writev(descriptor, message.msg_iov, static_cast<int>(message.msg_iovlen));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{ErrorCode::kUnavailable, "wire.frame.write"};
    auto written = static_cast<std::size_t>(count);
    while (message.msg_iovlen > 0 && written >= message.msg_iov->iov_len) {
      written -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0) {
      message.msg_iov->iov_base = static_cast<std::uint8_t*>(message.msg_iov->iov_base) + written;
      message.msg_iov->iov_len -= written;
    }
  }
  return {};
}

Result<Frame> read_frame(int descriptor, std::size_t frame_size_max) {
  std::uint8_t prefix[kPrefixSize];
  TRY(read_exactly(descriptor, prefix));
  const std::uint32_t length = Reader(ByteView(prefix).first(kLengthSize)).u32();
  if (length == 0 || length > frame_size_max) return Error{ErrorCode::kCorrupt, "wire.frame.length"};
  Frame frame{prefix[kLengthSize], Bytes(length - 1)};
  TRY(read_exactly(descriptor, frame.body));
  return frame;
}

Result<int> connect_unix(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{ErrorCode::kInvalid, "wire.connect.path"};
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Error{ErrorCode::kInternal, "wire.connect.socket"};
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Error error{ErrorCode::kUnavailable, "wire.connect.refused",
                std::string(path) + ": " + std::strerror(errno)};
    ::close(descriptor);
    return error;
  }
  return descriptor;
}

}  // namespace clemmys::wire
