// The npm client `openwhisk`, as published, deploys and invokes JavaScript: openwhisk_client/client_test.mjs.
#include <gtest/gtest.h>

#include <cstdlib>

#include "platform.h"

namespace clemmys::testing {
namespace {

TEST(OpenWhiskClient, DeploysAndInvokesJavaScriptUnmodified) {
  Platform platform;
  platform.deploy("native_trace", "test_trace", R"([{"key":"label","value":"native"}])");
  ::setenv("OPENWHISK_URL", platform.url().c_str(), 1);
  ::setenv("OPENWHISK_KEY", platform.key().c_str(), 1);
  ::setenv("NODE_EXTRA_CA_CERTS", (platform.state_directory() + "/ca.pem").c_str(), 1);
  ::setenv("CLIENT_PACKAGES", CLEMMYS_CLIENT_PACKAGES, 1);
  const std::string command = "node --test --test-reporter=spec " CLEMMYS_SOURCE_DIR
                              "/tests/functional/openwhisk_client/client_test.mjs >&2";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace clemmys::testing
