// link.h: the stream socket to the invoker. Frames are queued and go out in one write; reading is buffered, so that a request usually
// costs one read and one write. What comes in is the host's: frames are only cut here, and checked by who uses them.
#pragma once

#include "base/bytes.h"
#include "wire/frame.h"
#include "wire/links.h"

namespace clemmys::runtime {

class Link {
 public:
  explicit Link(int descriptor) : descriptor_(descriptor) {}

  void queue(wire::InstanceFrame type, ByteView body);
  Status flush();
  // receive waits for one frame. kUnavailable: the invoker closed the link.
  Result<wire::Frame> receive();

 private:
  int descriptor_;
  Bytes out_;
  Bytes chunk_ = Bytes(256u << 10);
  wire::FrameBuffer in_;
};

}  // namespace clemmys::runtime
