#include "runtime/native/link.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/codec.h"

namespace clemmys::runtime {
namespace {
constexpr std::size_t kLengthSize = 4, kPrefixSize = kLengthSize + 1;  // wire/frame.h
}

void Link::queue(wire::InstanceFrame type, ByteView body) {
  out_.reserve(out_.size() + kPrefixSize + body.size());
  Writer writer(std::move(out_));
  writer.u32(static_cast<std::uint32_t>(body.size() + 1));
  writer.u8(static_cast<std::uint8_t>(type));
  writer.raw(body);
  out_ = writer.take();
}

Status Link::flush() {
  ByteView rest = out_;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::kUnavailable, "runtime.link.write"};
    rest = rest.subspan(static_cast<std::size_t>(count));
  }
  out_.clear();
  return {};
}

Result<std::size_t> Link::read_some(MutableBytes out) {
  for (;;) {
    const ssize_t count = ::read(descriptor_, out.data(), out.size());
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0 || errno != EINTR) return Error{ErrorCode::kUnavailable, "runtime.link.closed"};
  }
}

Result<wire::Frame> Link::receive() {
  while (end_ - start_ < kPrefixSize) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(start_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(start_, 0);
    end_ += TRY(read_some(MutableBytes(buffer_).subspan(end_)));
  }
  Reader prefix(ByteView(buffer_).subspan(start_, kPrefixSize));
  const std::uint32_t length = prefix.u32();
  if (length == 0 || length > frame_size_max_) return Error{ErrorCode::kCorrupt, "runtime.link.length"};
  wire::Frame frame{prefix.u8(), Bytes(length - 1)};
  start_ += kPrefixSize;
  const std::size_t here = std::min(frame.body.size(), end_ - start_);
  std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(start_), here, frame.body.begin());
  start_ += here;
  for (MutableBytes rest = MutableBytes(frame.body).subspan(here); !rest.empty();)
    rest = rest.subspan(TRY(read_some(rest)));
  return frame;
}

}  // namespace clemmys::runtime
