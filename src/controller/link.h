// link.h: one stream socket that carries frames (wire/frame.h's encoding) on an event loop.
// Idea: an envelope is most of the bytes that the controller moves. Small frames are copied once out of the
// read buffer, large ones are read straight into their packet, and both leave by a gathering write, so no
// payload is copied twice. Writes of one turn of the loop leave together. Threads: the loop's only.
// Invariants: after close() or the destructor no handler runs; a frame longer than the limit, or of length
// zero, closes the link before any of it is buffered.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "controller/packet.h"

namespace boost::asio {
class io_context;
}

namespace clemmys::controller {

using Loop = boost::asio::io_context;

struct LinkHandlers {
  // frame gets each frame's type and body. It may close or destroy the link.
  std::function<void(std::uint8_t type, Packet body)> frame;
  // closed runs once, when the peer closed or broke the framing (kBrokenFraming), after all frames that it
  // sent before; not after close(). `why` is a static text.
  std::function<void(std::string_view why)> closed;
};

class Link {
 public:
  // Link takes ownership of a connected stream socket's descriptor. The handlers run from the loop, never
  // from inside this call.
  Link(Loop& loop, int descriptor, std::size_t frame_size_max, LinkHandlers handlers);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  static constexpr std::string_view kBrokenFraming = "the peer broke the framing";
  static constexpr std::size_t kPrefixSizeMax = 16;
  // send queues one frame whose body is `prefix ‖ body`; prefix has at most kPrefixSizeMax bytes. Does
  // nothing on a closed link, or once the peer cannot be written to.
  void send(std::uint8_t type, ByteView prefix, Packet body);
  // unsent_size is the number of queued bytes: what a caller bounds when the peer reads slowly.
  std::size_t unsent_size() const;
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::controller
