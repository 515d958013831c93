// messages.h: how bench-controller and bench-controller-load meet. The controller connects once for each
// instance that it starts; frames are wire/links.h InstanceFrame, kEnvelope there and kOutput back.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/result.h"

namespace clemmys::bench {

inline constexpr std::size_t kFrameMax = 64u << 20;

// connect_to gives a connected Unix stream socket.
inline Result<int> connect_to(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path) return Error{ErrorCode::kInvalid, "bench.socket.path", path};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return Error{ErrorCode::kExhausted, "bench.socket"};
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return descriptor;
  ::close(descriptor);
  return Error{ErrorCode::kUnavailable, "bench.socket.connect", path};
}

}  // namespace clemmys::bench
