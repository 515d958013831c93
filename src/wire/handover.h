// handover.h: how a host process that was started ahead of its instance learns what to run: one message on
// its link, before any frame, with two descriptors: the image's file, and a connection to the quoting
// service; and with the memory that its enclave may take beside the image's own pages. So the process needs
// no path of the machine, and can give up its file system before. Trust: between untrusted processes.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace clemmys::wire {

struct Handover {
  int image = -1, quoting = -1;  // the receiver closes them
  std::uint32_t memory_mib = 0;
};

// send_handover leaves the caller's descriptors open. kUnavailable: the peer is gone.
Status send_handover(int link, const Handover& handover);
// receive_handover waits. kUnavailable: the peer closed the link first, as it does with a process that it no
// longer wants. kCorrupt: something else came.
Result<Handover> receive_handover(int link);

}  // namespace clemmys::wire
