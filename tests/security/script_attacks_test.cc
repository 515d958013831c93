// What a host may do to a script's code: it holds the ciphertext, and hands it to instances and gateways. The
// hand is that of hostile_node. With CLEMMYS_COUNTERPART gateway and instances neither seal nor look at
// digests (insecure/README.md), and the same attacks succeed.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "build_folder.h"
#include "platform.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;

bool counterpart() { return getenv("CLEMMYS_COUNTERPART") != nullptr; }

// The comment is most of the code, so the bit in the middle is one of its letters.
const std::string kComment = " // " + std::string(400, 'a');
const std::string kOlder = "function main() { return { version: 'older' }; }" + kComment;
const std::string kNewer = "function main() { return { version: 'newer' }; }" + kComment;

class ScriptAttacks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    BuildFolder::Replacements images;
    if (counterpart())
      images = {{"gateway.sgx", "images/insecure_gateway.sgx"}, {"js.sgx", "images/insecure_js.sgx"}};
    build = new BuildFolder({{"clemmys-node", "tests/hostile_node"}}, images);
    PlatformOptions options;
    options.program = build->program();
    platform = new Platform(options);
    client = new Client(platform->client());
  }
  static void TearDownTestSuite() {
    delete client;
    delete platform;
    delete build;
  }
  void SetUp() override {
    attack("");
    platform->deploy_script("script", kOlder);
    platform->deploy_script("script", kNewer);
  }

  static std::string file(const char* name) { return platform->state_directory() + "/" + name; }
  static void attack(const std::string& name) {
    fs::remove(file("attack.log"));
    if (name.empty()) return void(fs::remove(file("attack")));
    std::ofstream(file("attack.new")) << name << " 0";
    fs::rename(file("attack.new"), file("attack"));
  }
  static bool logged(const std::string& text) {
    return read_text(file("attack.log")).find(text) != std::string::npos;
  }
  static Answer call() { return client->api("POST", "actions/script?blocking=true&result=true", "{}"); }

  // expect_refused: an instance gets no other code than its own, nor does a client; afterwards all is well.
  // In the counterpart it runs and a client reads what has `version` and `comment`.
  static void expect_refused(const std::string& name, const std::string& version,
                             const std::string& comment) {
    attack(name);
    const Answer ran = call();
    EXPECT_TRUE(logged("applied " + name)) << "not tried";
    if (counterpart()) {
      EXPECT_EQ(ran.body, R"({"version":")" + version + R"("})");
      const std::string shown = client->api("GET", "actions/script").body;
      EXPECT_NE(shown.find(version), std::string::npos) << shown;
      EXPECT_NE(shown.find(comment), std::string::npos) << shown;
      return;
    }
    EXPECT_TRUE(logged("refused")) << read_text(file("attack.log"));
    EXPECT_NE(ran.status, 200u) << ran.body;
    EXPECT_EQ(ran.body.find("version"), std::string::npos) << ran.body;
    const Answer got = client->api("GET", "actions/script");
    EXPECT_EQ(got.status, 500u) << got.body.substr(0, 300);
    attack("");
    EXPECT_EQ(call().body, R"({"version":"newer"})");
    EXPECT_NE(client->api("GET", "actions/script").body.find("newer"), std::string::npos);
  }

  static inline BuildFolder* build = nullptr;
  static inline Platform* platform = nullptr;
  static inline Client* client = nullptr;
};

TEST_F(ScriptAttacks, ChangedCodeIsRefused) { expect_refused("changed-code", "newer", "aaa`aaa"); }
TEST_F(ScriptAttacks, RolledBackCodeIsRefused) { expect_refused("older-code", "older", kComment); }
TEST_F(ScriptAttacks, MissingCodeIsNoOtherCode) {
  attack("no-code");
  const Answer ran = call();
  EXPECT_TRUE(logged("applied no-code"));
  EXPECT_NE(ran.status, 200u) << ran.body;
}

}  // namespace
}  // namespace clemmys::testing
