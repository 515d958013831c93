// link.h: the stream socket to the invoker. Frames are queued and go out in one write; a small frame comes in
// with one read, a large one straight into its body. What comes in is the host's: frames are only cut here,
// and checked by who uses them.
#pragma once

#include "base/bytes.h"
#include "wire/frame.h"
#include "wire/links.h"

namespace clemmys::runtime {

class Link {
 public:
  // the descriptor stays the caller's.
  explicit Link(int descriptor) : descriptor_(descriptor) {}

  void queue(wire::InstanceFrame type, ByteView body);
  Status flush();
  // receive waits for one frame. kUnavailable: the invoker closed the link. kCorrupt: no frame, or one over
  // the limit.
  Result<wire::Frame> receive();
  // limit_frame_size bounds what the host can make this enclave allocate.
  void limit_frame_size(std::size_t frame_size_max) { frame_size_max_ = frame_size_max; }
  std::size_t frame_size_max() const { return frame_size_max_; }

 private:
  Result<std::size_t> read_some(MutableBytes out);

  int descriptor_;
  std::size_t frame_size_max_ = 1u << 20;
  Bytes out_;
  Bytes buffer_ = Bytes(16u << 10);
  std::size_t start_ = 0, end_ = 0;  // what of buffer_ was read and not yet taken
};

}  // namespace clemmys::runtime
