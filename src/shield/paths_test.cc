// What the measured manifest keeps from the program never reaches the host.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

TEST(Manifest, PathsOffTheListNeverReachTheHost) {
  FakeHost host;
  const auto before = host.calls();
  for (const char* path :
       {"/etc/passwd", "/state/../etc/passwd", "/statement", "relative", "/dev/attestation/../x", ""}) {
    EXPECT_EQ(run(__NR_openat, static_cast<uint64_t>(-100), address_of(path), 0), -ENOENT) << path;
  }
  EXPECT_EQ(host.calls(), before);
}

TEST(Manifest, SocketsNeedTheNetworkInTheManifest) {
  FakeHost host;
  host.layout_page().manifest_flags = 0;
  EXPECT_EQ(run(__NR_socket, AF_INET, SOCK_STREAM, 0), -EACCES);
  EXPECT_EQ(run(__NR_socket, AF_UNIX, SOCK_STREAM, 0), -EACCES);
}

}  // namespace
}  // namespace clemmys::shield
