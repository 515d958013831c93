// What a host may do to scripts: it holds the ciphertext of their code, hands it to instances and gateways,
// and starts and assigns the generic instances that run it. The hand is that of hostile_node. With
// CLEMMYS_COUNTERPART the rules are missing (insecure/README.md), and the same attacks succeed.
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
namespace json = boost::json;

bool counterpart() { return getenv("CLEMMYS_COUNTERPART") != nullptr; }

class Attacked : public ::testing::Test {
 protected:
  static void start(const BuildFolder::Replacements& images) {
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
  void SetUp() override { attack(""); }

  static std::string file(const char* name) { return platform->state_directory() + "/" + name; }
  static void attack(const std::string& name) {
    fs::remove(file("attack.log"));
    if (name.empty()) return void(fs::remove(file("attack")));
    std::ofstream(file("attack.new")) << name << " 0";
    fs::rename(file("attack.new"), file("attack"));
  }
  static std::string log() { return read_text(file("attack.log")); }
  static bool logged(const std::string& text) { return log().find(text) != std::string::npos; }
  static Answer call(Client& user, const std::string& action) {
    return user.api("POST", "actions/" + action + "?blocking=true&result=true", R"({"value":7})");
  }

  static inline BuildFolder* build = nullptr;
  static inline Platform* platform = nullptr;
  static inline Client* client = nullptr;
};

// The comment is most of the code, so the bit in the middle is one of its letters.
const std::string kComment = " // " + std::string(400, 'a');
const std::string kOlder = "function main() { return { version: 'older' }; }" + kComment;
const std::string kNewer = "function main() { return { version: 'newer' }; }" + kComment;

// ScriptAttacks: with the counterpart, gateway and instances neither seal nor look at digests.
class ScriptAttacks : public Attacked {
 protected:
  static void SetUpTestSuite() {
    BuildFolder::Replacements images;
    if (counterpart())
      images = {{"gateway.sgx", "images/insecure_gateway.sgx"}, {"js.sgx", "images/insecure_js.sgx"}};
    start(images);
  }
  void SetUp() override {
    Attacked::SetUp();
    platform->deploy_script("script", kOlder);
    platform->deploy_script("script", kNewer);
  }

  // expect_refused: an instance gets no other code than its own, nor does a client; afterwards all is well.
  // In the counterpart it runs and a client reads what has `version` and `comment`.
  static void expect_refused(const std::string& name, const std::string& version,
                             const std::string& comment) {
    attack(name);
    const Answer ran = call(*client, "script");
    EXPECT_TRUE(logged("applied " + name)) << "not tried";
    if (counterpart()) {
      EXPECT_EQ(ran.body, R"({"version":")" + version + R"("})");
      const std::string shown = client->api("GET", "actions/script").body;
      EXPECT_NE(shown.find(version), std::string::npos) << shown;
      EXPECT_NE(shown.find(comment), std::string::npos) << shown;
      return;
    }
    EXPECT_TRUE(logged("refused")) << log();
    EXPECT_NE(ran.status, 200u) << ran.body;
    EXPECT_EQ(ran.body.find("version"), std::string::npos) << ran.body;
    const Answer got = client->api("GET", "actions/script");
    EXPECT_EQ(got.status, 500u) << got.body.substr(0, 300);
    attack("");
    EXPECT_EQ(call(*client, "script").body, R"({"version":"newer"})");
    EXPECT_NE(client->api("GET", "actions/script").body.find("newer"), std::string::npos);
  }
};

TEST_F(ScriptAttacks, ChangedCodeIsRefused) { expect_refused("changed-code", "newer", "aaa`aaa"); }
TEST_F(ScriptAttacks, RolledBackCodeIsRefused) { expect_refused("older-code", "older", kComment); }
TEST_F(ScriptAttacks, MissingCodeIsNoOtherCode) {
  attack("no-code");
  const Answer ran = call(*client, "script");
  EXPECT_TRUE(logged("applied no-code"));
  EXPECT_NE(ran.status, 200u) << ran.body;
}

const BuildFolder::Replacements kAnyAssignment{{"js.sgx", "images/insecure_js_life.sgx"}};
const BuildFolder::Replacements kKeysForAll{{"kms.sgx", "images/insecure_kms.sgx"}};

// GenericAttacks: an instance of the generic image serves one function of one namespace, and gets no code but
// that one's. With the counterpart it takes any number of assignments, and the key service gives keys to any.
class GenericAttacks : public Attacked {
 protected:
  static void SetUpTestSuite() {
    BuildFolder::Replacements images;
    if (counterpart()) images = kAnyAssignment, images.insert(kKeysForAll.begin(), kKeysForAll.end());
    start(images);
  }
  static void put_script(Client& user, const std::string& name) {
    const std::string code = "function main(given) { return {by: '" + name + "', value: given.value}; }";
    const json::object definition{{"exec", json::object{{"kind", "nodejs:20"}, {"code", code}}}};
    ASSERT_EQ(user.api("PUT", "actions/" + name + "?overwrite=true", json::serialize(definition)).status,
              200u);
  }
  static std::string by(const std::string& name) { return R"({"by":")" + name + R"(","value":7})"; }

  // answer_of_second is what the caller of `second` gets, when the instance that serves `first` is assigned
  // it.
  static Answer answer_of_second(Client& user) {
    put_script(*client, "first");
    put_script(user, "second");
    attack("second-assignment");
    EXPECT_EQ(call(*client, "first").body, by("first")) << log();
    const Answer second = call(user, "second");
    EXPECT_TRUE(logged("applied second-assignment")) << "not tried";
    return second;
  }
  static void expect_no_answer(const Answer& answer, const std::string& in_log) {
    EXPECT_NE(answer.status, 200u) << answer.body;
    EXPECT_EQ(answer.body.find("\"by\""), std::string::npos) << answer.body;
    EXPECT_TRUE(logged(in_log)) << log();
  }
  // expect_bound: it ends, and all is well afterwards. In the counterpart the other function's request goes
  // to the first one's code, and its caller takes the answer.
  static void expect_bound(Client& user) {
    const Answer second = answer_of_second(user);
    if (counterpart()) {
      EXPECT_EQ(second.body, by("first")) << log();
      return;
    }
    expect_no_answer(second, "ended its process exited with code 75");
    attack("");
    EXPECT_EQ(call(*client, "first").body, by("first"));
    EXPECT_EQ(call(user, "second").body, by("second"));
  }
  static Client tenant() { return platform->client_of(platform->add_namespace("tenant")); }
};

TEST_F(GenericAttacks, InstanceOfAFunctionIsNeverAnothers) { expect_bound(*client); }

TEST_F(GenericAttacks, InstanceOfANamespaceIsNeverAnothers) {
  Client other = tenant();
  expect_bound(other);
}

// KeyServiceAlone: the instance takes a second assignment; its session does not.
class KeyServiceAlone : public GenericAttacks {
 protected:
  static void SetUpTestSuite() { start(kAnyAssignment); }
};
TEST_F(KeyServiceAlone, InstanceOfANamespaceIsNeverAnothers) {
  Client other = tenant();
  expect_no_answer(answer_of_second(other), "refused denied wire.kms.refused");
}

// InstanceAlone: the key service gives any keys to any; the instance ends before it asks.
class InstanceAlone : public GenericAttacks {
 protected:
  static void SetUpTestSuite() { start(kKeysForAll); }
};
TEST_F(InstanceAlone, InstanceOfANamespaceIsNeverAnothers) {
  Client other = tenant();
  expect_no_answer(answer_of_second(other), "ended its process exited with code 75");
}

// A tenant's native image is started in the place of the generic one for somebody's script. Keys come in one
// piece: whoever can open the script's request has been given its code key, too.
TEST_F(GenericAttacks, NativeImageGetsNoCodeKey) {
  const std::string key = platform->add_namespace("native");
  Client owner = platform->client_of(key);
  Platform::deploy(platform->client_of(key), "theirs", "test_trace", R"([{"key":"label","value":"theirs"}])");
  ASSERT_EQ(call(owner, "theirs").status, 200u);
  const std::string script = "function main() { return {by: 'script'}; }";
  platform->deploy_script("script", script, R"([{"key":"label","value":"of the script"}])");
  attack("wrong-image");
  const Answer answer = call(*client, "script");
  EXPECT_TRUE(logged("applied wrong-image")) << "not tried";
  if (counterpart()) {
    EXPECT_EQ(answer.body, R"({"value":7,"trace":["of the script:7"]})") << log();
    return;
  }
  expect_no_answer(answer, "refused denied wire.kms.refused");
  EXPECT_EQ(answer.body.find("trace"), std::string::npos) << answer.body;
  attack("");
  EXPECT_EQ(call(*client, "script").body, R"({"by":"script"})");
}

}  // namespace
}  // namespace clemmys::testing
