// frame.h: length-prefixed frames on stream sockets between our processes: `u32 length of type+body ‖ u8 type
// ‖ body`.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace clemmys::wire {

inline constexpr std::size_t kFrameSizeMax = 128u << 20;

struct Frame {
  std::uint8_t type = 0;
  Bytes body;
};
Bytes encode_frame(std::uint8_t type, ByteView body);

// FrameBuffer cuts a byte stream into frames. feed() takes what was read; next() gives a complete frame,
// nothing, or kCorrupt when a length is 0 or over the limit (close the connection then).
class FrameBuffer {
 public:
  explicit FrameBuffer(std::size_t frame_size_max = kFrameSizeMax) : frame_size_max_(frame_size_max) {}
  void feed(ByteView bytes);
  Result<std::optional<Frame>> next();

 private:
  std::size_t frame_size_max_;
  Bytes buffer_;
  std::size_t start_ = 0;
};

// Blocking helpers on a descriptor (tools, tests, function runtime). kUnavailable when the peer closed.
Status write_frame(int descriptor, std::uint8_t type, ByteView body);
Result<Frame> read_frame(int descriptor, std::size_t frame_size_max = kFrameSizeMax);
// connect_unix opens a stream socket; the caller closes it.
Result<int> connect_unix(std::string_view path);

}  // namespace clemmys::wire
