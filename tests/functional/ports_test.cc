// The whole platform over the other ways to SGX that there are here: through the kernel's interface, as
// `softsgx run` gives it, and with a page cache that is too small.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "enclave/host/counts.h"
#include "platform.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;

// answers deploys and invokes a chain of two enclaves, and a script.
void expect_answers(const Platform& platform) {
  for (const std::string name : {"first", "second"})
    platform.deploy(name, "test_trace", R"([{"key":"label","value":")" + name + R"("}])");
  platform.create_sequence("chain", {"first", "second"});
  Client client = platform.client();
  const Answer chain = client.api("POST", "actions/chain?blocking=true&result=true", R"({"value":7})");
  EXPECT_EQ(chain.status, 200u) << chain.body;
  EXPECT_NE(chain.body.find(R"(["first:7","second:7"])"), std::string::npos) << chain.body;
  platform.deploy_script("script", "function main(p) { return { twice: 2 * p.value }; }");
  const Answer script = client.api("POST", "actions/script?blocking=true&result=true", R"({"value":21})");
  EXPECT_EQ(script.status, 200u) << script.body;
  EXPECT_NE(script.body.find("42"), std::string::npos) << script.body;
}

// devices counts the open descriptors of /dev/sgx_enclave in a process; ours are memory files of that name.
int devices(pid_t process) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
    std::error_code gone;
    count += fs::read_symlink(entry.path(), gone).string().find("sgx_enclave") != std::string::npos;
  }
  return count;
}

TEST(Ports, ThePlatformRunsOnThePreloadedDevice) {
  Platform platform({.wrapper = {CLEMMYS_BINARY_DIR "/bin/softsgx", "run", "--epc-size", "4G"},
                     .arguments = {"--platform", "linux"}});
  expect_answers(platform);
  for (const char* part : {"quoting-enclave", "kms", "gateway"})
    EXPECT_EQ(devices(platform.part(part)), 1) << part;
}

TEST(Ports, ThePlatformRunsInASmallPageCacheAndCounts) {
  Platform platform({.arguments = {"--soft-epc-mib", "8"}});
  expect_answers(platform);
  std::ifstream file(platform.state_directory() + "/run/gateway.counts", std::ios::binary);
  enclave::Counts counts;
  ASSERT_TRUE(file.read(reinterpret_cast<char*>(&counts), sizeof counts));
  EXPECT_GT(counts.written_out, 0u);
  EXPECT_GT(counts.brought_back, 0u);
}

}  // namespace
}  // namespace clemmys::testing
