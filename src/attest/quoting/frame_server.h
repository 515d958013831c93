// frame_server.h: serves request frames on a Unix socket, one thread, many connections, bounded memory. A
// connection that breaks the framing is closed; one that does not read its answers is not read either. Trust:
// trusted.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::attest {

using FrameHandler = std::function<Bytes(ByteView request)>;

inline constexpr std::size_t kFrameConnectionsMax = 64;

// serve_frames replaces a stale socket file at `path`, listens, and serves until `stop_descriptor` (-1: none)
// is readable.
Status serve_frames(const std::string& path, const FrameHandler& handler, int stop_descriptor = -1);

}  // namespace clemmys::attest
