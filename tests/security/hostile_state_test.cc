// What the host can do with the disk, with its right to start programs, and with its word as the operator:
// roll back or fork the key service, change the root policy, make himself a user; start debug enclaves, store
// up evidence, cut the gateway off. With CLEMMYS_COUNTERPART the key service lacks the rules
// (insecure/README.md), the shield of one function believes, and the same attacks succeed. Each test has a
// state of its own where it spoils it.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hostile_platform.h"
#include "sgx/image.h"
#include "wire/frame.h"
#include "wire/kms_api.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;

bool counterpart() { return getenv("CLEMMYS_COUNTERPART") != nullptr; }

BuildFolder::Replacements kms_image() {
  if (!counterpart()) return {};
  return {{"kms.sgx", "images/insecure_kms.sgx"}};
}

Bytes read_bytes(const std::string& path) { return to_bytes(as_bytes(read_text(path))); }

void write_bytes(const std::string& path, ByteView bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << as_text(bytes);
}

class HostileState : public HostileTest {
 protected:
  static void SetUpTestSuite() { start({.images = kms_image()}); }
  static void TearDownTestSuite() { end(); }

  static void restart() {
    platform->stop();
    platform->start();
    delete client;
    client = new Client(platform->client());
  }
  static std::string kms_log() { return read_text(file("logs/kms.log")); }
};

// as_debug signs an image anew, with the debug attribute. Its measurement stays what it was: whoever loads an
// enclave chooses who signs for it.
Bytes as_debug(const Bytes& image) {
  sgx::ParsedImage parsed = *sgx::parse_image_pages(image, sgx::Measure::kNo);
  sgx::Sigstruct& sigstruct = parsed.sigstruct;
  sgx::SigstructTerms terms{.measurement = parsed.info.measurement};
  terms.attributes = {sgx::kAttributeMode64 | sgx::kAttributeDebug, sigstruct.attributes.xfrm};
  terms.attribute_mask = {~0ull, ~0ull};
  terms.miscselect = sigstruct.miscselect;
  terms.miscmask = sigstruct.miscmask;
  terms.product_id = sigstruct.isvprodid;
  terms.security_version = sigstruct.isvsvn;
  sigstruct = sgx::sigstruct_of(terms);
  EXPECT_TRUE(sgx::sign_sigstruct(sigstruct, *sgx::SigningKey::generate()));
  constexpr std::size_t kFooter = 20;
  Bytes out(image.begin(), image.end() - static_cast<std::ptrdiff_t>(sizeof sigstruct + kFooter));
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&sigstruct);
  out.insert(out.end(), bytes, bytes + sizeof sigstruct);
  out.insert(out.end(), image.end() - kFooter, image.end());
  return out;
}

TEST_F(HostileState, DebugEnclaveGetsNoKeys) {
  const Bytes release = read_bytes(CLEMMYS_BINARY_DIR "/images/test_trace.sgx");
  const Bytes debug = as_debug(release);
  const auto before = *sgx::parse_image(release), after = *sgx::parse_image(debug);
  ASSERT_EQ(before.measurement, after.measurement);
  ASSERT_TRUE(after.debug && !before.debug);
  const std::string path = file("node/images/" + to_hex(before.measurement) + ".sgx");
  ASSERT_TRUE(fs::exists(path));
  write_bytes(path, debug);
  attack("fresh-start");
  const Answer answer = call("first");
  EXPECT_TRUE(logged("applied fresh-start"));
  EXPECT_EQ(is_right(answer, "first"), counterpart()) << answer.status << log();
  EXPECT_EQ(kms_log().find("kms.admission.debug") == std::string::npos, counterpart());
  write_bytes(path, release);
}

TEST_F(HostileState, EnclaveOfALyingHostEndsAndAnswersNothing) {
  platform->deploy("observe", counterpart() ? "insecure_test_observe" : "test_observe");
  for (const char* lie : {"long", "errno"}) {
    std::ofstream(file("lie")) << lie;
    attack("fresh-start");
    const Answer answer = call("first");
    EXPECT_NE(answer.status, 200u) << lie << ": " << answer.body;
    EXPECT_TRUE(logged("ended")) << lie << ": " << log();
  }
  // The same for one answer that the function itself asked for; a shield without checks hands it on.
  std::ofstream(file("lie")) << "eight";
  attack("fresh-start");
  const Answer read = client->api("POST", "actions/observe?blocking=true&result=true", "{}");
  EXPECT_EQ(read.body.find(R"("read":9)") != std::string::npos, counterpart()) << read.body << log();
  EXPECT_EQ(logged("ended"), !counterpart()) << log();
  // Time that goes back is held, and hurts nobody.
  std::ofstream(file("lie")) << "backwards";
  attack("fresh-start");
  EXPECT_TRUE(right("first")) << log();
  const Answer observed = client->api("POST", "actions/observe?blocking=true&result=true", "{}");
  EXPECT_EQ(observed.body, R"({"read":8,"back":0})") << log();
  fs::remove(file("lie"));
}

TEST_F(HostileState, EvidenceOfAnEarlierStartIsRefused) {
  restart();
  ASSERT_TRUE(right("chain"));
  ASSERT_TRUE(fs::exists(file("stockpile")));
  attack("kms-stockpiled");
  const Answer answer = call("first");
  EXPECT_TRUE(logged("applied kms-stockpiled"));
  EXPECT_NE(answer.status, 200u);  // the enclave knows that its own evidence was not what was sent
  EXPECT_EQ(logged("succeeded kms-stockpiled"), counterpart()) << log();
  EXPECT_EQ(kms_log().find("kms.nonce.unknown") == std::string::npos, counterpart());
}

TEST_F(HostileState, HostDoesNotMakeHimselfAUser) {
  const int kms = *wire::connect_unix(file("run/kms.sock"));
  const auto create = static_cast<std::uint8_t>(wire::KmsFrame::kCreateNamespace);
  ASSERT_TRUE(wire::write_frame(kms, create, as_bytes("guest")));
  EXPECT_EQ(wire::read_frame(kms)->type, static_cast<std::uint8_t>(wire::KmsFrame::kRefused));
  ::close(kms);
  const Answer claimed =
      client->request("POST", "/clemmys/v1/namespaces/guest/claim", R"({"token":"a-guess"})");
  EXPECT_EQ(claimed.status == 200, counterpart()) << claimed.body;
  EXPECT_EQ(claimed.body.find("guessed") != std::string::npos, counterpart());
}

// The host lets the gateway run on and hides every change from it: for an hour at most, by the client's
// clock.
TEST_F(HostileState, GatewayCutOffFromTheKeyServiceHasACertificateForAnHourAtMost) {
  attack("gateway-kms-cut");
  EXPECT_TRUE(is_right(call()));
  for (int i = 0; i < 600 && !logged("applied gateway-kms-cut"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(logged("applied gateway-kms-cut"));
  Client now = platform->client(), later = platform->client();
  EXPECT_EQ(now.request("GET", "/api/v1").status, 200u);
  later.pretend_later(3601);
  EXPECT_ANY_THROW(later.request("GET", "/api/v1"));
}

TEST_F(HostileState, RolledBackKeyServiceDoesNotStart) {
  platform->stop();
  const std::string kms = file("kms"), kept = file("kms.kept"), newest = file("kms.newest");
  fs::copy(kms, kept);
  platform->start();
  platform->deploy("later", "example_hello");
  platform->stop();
  fs::copy(kms, newest);
  fs::copy_file(kept + "/journal", kms + "/journal", fs::copy_options::overwrite_existing);
  try {
    platform->start();
    FAIL() << "started on an old journal";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("anchor"), std::string::npos) << error.what();
  }
  // What the file anchor cannot see (insecure_file_anchor): journal and anchor rolled back together.
  fs::copy_file(kept + "/anchor", kms + "/anchor", fs::copy_options::overwrite_existing);
  platform->start();
  EXPECT_EQ(platform->client().api("GET", "actions/later").status, 404u);
  platform->stop();
  fs::remove_all(kms);
  fs::rename(newest, kms);
  restart();
  EXPECT_EQ(client->api("GET", "actions/later").status, 200u);
}

// second_key_service starts another one on the same state, as a host can.
pid_t second_key_service() {
  const std::string host = CLEMMYS_BINARY_DIR "/bin/clemmys-host",
                    image = CLEMMYS_BINARY_DIR + std::string("/images/") +
                            (counterpart() ? "insecure_kms.sgx" : "kms.sgx");
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int log = open("second-kms.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(127);
  execl(host.c_str(), host.c_str(), "--platform", "soft", "--soft-state", "sgx", "--mount", "/clemmys=.",
        "--quote-socket", "run/quoting.sock", image.c_str(), "--", "--socket", "/clemmys/run/second.sock",
        "--state", "/clemmys/kms", "--root-policy", "/clemmys/root-policy.yaml", "--collateral",
        "/clemmys/collateral.json", static_cast<char*>(nullptr));
  _exit(127);
}

// makes_a_namespace is whether a key service takes a change.
bool makes_a_namespace(const std::string& socket) {
  const int kms = *wire::connect_unix(socket);
  const auto create = static_cast<std::uint8_t>(wire::KmsFrame::kCreateNamespace);
  EXPECT_TRUE(wire::write_frame(kms, create, as_bytes("of-the-second")));
  const auto answer = wire::read_frame(kms);
  ::close(kms);
  return answer && answer->type == static_cast<std::uint8_t>(wire::KmsFrame::kAnswer);
}

TEST_F(HostileState, OfTwoKeyServicesOnOneStateOneStops) {
  if (counterpart()) fs::copy(file("kms"), file("kms.before"));
  const fs::path before = fs::current_path();
  fs::current_path(platform->state_directory());
  const pid_t second = second_key_service();
  fs::current_path(before);
  for (int i = 0; i < 300 && !fs::exists(file("run/second.sock")); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  ASSERT_TRUE(fs::exists(file("run/second.sock"))) << read_text(file("second-kms.log"));
  if (counterpart()) {
    EXPECT_NO_THROW(platform->deploy("forked", "example_hello"));
    EXPECT_TRUE(makes_a_namespace(file("run/second.sock")));
  } else {
    EXPECT_ANY_THROW(platform->deploy("forked", "example_hello"));  // 5xx, or the platform is gone
  }
  kill(second, SIGTERM);
  waitpid(second, nullptr, 0);
  EXPECT_EQ(kms_log().find("kms.journal.not_head") == std::string::npos, counterpart()) << kms_log();
  if (counterpart()) {  // each has written into one file what the other does not know
    platform->stop();
    fs::remove_all(file("kms"));
    fs::rename(file("kms.before"), file("kms"));
  }
  restart();
  EXPECT_EQ(client->api("GET", "actions/forked").status, 404u);
}

// Last: what comes after it is another deployment. A policy that admits a gateway that does not seal.
TEST_F(HostileState, ZChangedRootPolicyIsAnotherAuthority) {
  Client trusting = platform->client();
  EXPECT_EQ(trusting.request("GET", "/api/v1").status, 200u);
  platform->stop();
  BuildFolder::Replacements images = kms_image();
  images["gateway.sgx"] = "images/insecure_gateway.sgx";
  const BuildFolder changed({{"clemmys-node", "tests/hostile_node"}}, images);
  platform->use_program(changed.program());
  EXPECT_ANY_THROW(platform->start());  // `clemmys up` itself refuses
  fs::remove(file("root-policy.yaml"));
  Client client_before = platform->client();  // of the authority that was trusted
  platform->start();
  client_before.use_port(platform->port());
  if (counterpart()) {
    EXPECT_EQ(client_before.request("GET", "/api/v1").status, 200u);
  } else {
    EXPECT_ANY_THROW(client_before.request("GET", "/api/v1"));
    EXPECT_EQ(platform->client().api("GET", "actions").status, 401u);  // the namespace is locked
  }
  platform->stop();
  fs::remove(file("root-policy.yaml"));
  platform->use_program(build->program());
  restart();
}

}  // namespace
}  // namespace clemmys::testing
