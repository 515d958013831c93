#include "runtime/native/link.h"

#include <errno.h>
#include <unistd.h>

namespace clemmys::runtime {

void Link::queue(wire::InstanceFrame type, ByteView body) {
  const Bytes frame = wire::encode_frame(static_cast<std::uint8_t>(type), body);
  out_.insert(out_.end(), frame.begin(), frame.end());
}

Status Link::flush() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t count = write(descriptor_, out_.data() + sent, out_.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::kUnavailable, "runtime.link.write"};
    sent += static_cast<std::size_t>(count);
  }
  out_.clear();
  return {};
}

Result<wire::Frame> Link::receive() {
  for (;;) {
    auto frame = in_.next();
    if (!frame) return frame.error();
    if (*frame) return std::move(**frame);
    const ssize_t count = read(descriptor_, chunk_.data(), chunk_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::kUnavailable, "runtime.link.closed"};
    in_.feed(ByteView(chunk_).first(static_cast<std::size_t>(count)));
  }
}

}  // namespace clemmys::runtime
