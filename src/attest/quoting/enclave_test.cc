// Attestation end to end, in enclaves: the quoting enclave and a probe run inside the shield on one software
// machine; the probe's evidence verifies, and says which image it is.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "attest/collateral.h"
#include "attest/service/provisioning.h"
#include "attest/service/quote_client.h"
#include "enclave/image.h"

namespace clemmys::attest {
namespace {

namespace fs = std::filesystem;
const fs::path kBuild = CLEMMYS_BINARY_DIR;
constexpr std::uint64_t kNow = 1'800'000'000;

enclave::ImageInfo image_info(const char* name) {
  std::ifstream file(kBuild / "images" / name, std::ios::binary);
  const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  auto info = enclave::parse_image(bytes);
  EXPECT_TRUE(info.has_value()) << name;
  return info.value_or(enclave::ImageInfo{});
}

class AttestedEnclaves : public ::testing::Test {
 protected:
  AttestedEnclaves() {
    std::string pattern = ::testing::TempDir() + "/clemmys-enclaves-XXXXXX";
    state_ = ::mkdtemp(pattern.data());
    for (const char* folder : {"run", "quoting"}) fs::create_directory(state_ / folder);
  }
  ~AttestedEnclaves() override {
    stop_quoting();
    fs::remove_all(state_);
  }

  std::string socket() const { return (state_ / "run" / "quoting.sock").string(); }
  std::vector<std::string> host(std::vector<std::string> options, const char* image,
                                std::vector<std::string> arguments) const {
    std::vector<std::string> all{(kBuild / "bin" / "clemmys-host").string(),
                                 "--platform",
                                 "soft",
                                 "--soft-state",
                                 (state_ / "sgx").string(),
                                 "--mount",
                                 "/clemmys=" + state_.string()};
    all.insert(all.end(), options.begin(), options.end());
    all.insert(all.end(), {(kBuild / "images" / image).string(), "--"});
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  // start runs a program with its output in `output`.
  static pid_t start(const std::vector<std::string>& command, const fs::path& output) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = -1;
    EXPECT_EQ(::posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }
  void start_quoting() {
    quoting_ =
        start(host({}, "quoting_enclave.sgx", {"/clemmys/run/quoting.sock", "/clemmys/quoting/key.sealed"}),
              state_ / "quoting.log");
    while (::waitpid(quoting_, nullptr, WNOHANG) == 0 && !request_target_info(socket())) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void stop_quoting() {
    if (quoting_ <= 0) return;
    ::kill(quoting_, SIGTERM);
    ::waitpid(quoting_, nullptr, 0);
    quoting_ = -1;
  }
  Result<Provisioned> provision() {
    const enclave::ImageInfo info = image_info("quoting_enclave.sgx");
    return provision_software_machine((state_ / "sgx").string(), socket(),
                                      {info.measurement, info.signer, info.product_id, info.security_version},
                                      kNow);
  }
  // probe gives the probe's exit status and its evidence.
  std::pair<int, Bytes> probe(const ReportData& data) {
    const fs::path output = state_ / "probe.out";
    const pid_t child = start(host({"--quote-socket", socket()}, "attest_probe.sgx", {to_hex(data)}), output);
    int status = -1;
    ::waitpid(child, &status, 0);
    std::string text;
    std::ifstream(output) >> text;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, from_hex(text).value_or(Bytes{})};
  }

  fs::path state_;
  pid_t quoting_ = -1;
};

TEST_F(AttestedEnclaves, ProveWhichImageTheyAre) {
  start_quoting();
  const auto provisioned = provision();
  ASSERT_TRUE(provisioned.has_value()) << to_string(provisioned.error());
  ReportData data;
  data.bytes.fill(0x5a);
  const auto [status, evidence] = probe(data);
  ASSERT_EQ(status, 0);
  const Trust trust{.insecure_accept_software_sgx = true,
                    .software_root_der = provisioned->software_root_der};
  const auto identity = verify_quote(evidence, provisioned->collateral, trust, kNow);
  ASSERT_TRUE(identity.has_value()) << to_string(identity.error());
  const enclave::ImageInfo info = image_info("attest_probe.sgx");
  EXPECT_EQ(identity->measurement, info.measurement);
  EXPECT_EQ(identity->signer, info.signer);
  EXPECT_EQ(identity->product_id, 77);
  EXPECT_EQ(identity->security_version, 5);
  EXPECT_EQ(identity->report_data, data);
  EXPECT_FALSE(identity->debug);
  EXPECT_EQ(verify_quote(evidence, provisioned->collateral, Trust{}, kNow).error().site,
            "attest.root.unknown");
}

// Two quote files that are open at once hold a quote each; all else of /dev/attestation is in Programs.…
TEST_F(AttestedEnclaves, HoldTwoQuotesOpenAtOnce) {
  start_quoting();
  ASSERT_TRUE(provision().has_value());
  const fs::path output = state_ / "devices.out";
  const pid_t child = start(host({"--quote-socket", socket()}, "shield_attestation.sgx", {"quote"}), output);
  int status = -1;
  ::waitpid(child, &status, 0);
  std::ifstream file(output);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(status, 0);
  EXPECT_NE(text.find("quotes with our data 1 1\n"), std::string::npos) << text;
}

TEST_F(AttestedEnclaves, HaveNoEvidenceBeforeCertification) {
  start_quoting();
  EXPECT_EQ(probe({}).first, 4);
}

TEST_F(AttestedEnclaves, KeepTheQuotingKeySealedOverARestart) {
  start_quoting();
  ASSERT_TRUE(provision().has_value());
  const auto own_report_data = [&] {
    const Bytes target(sizeof(sgx::TargetInfo));
    const Bytes report = request(socket(), QuoteRequest::kOwnReport, target).value_or(Bytes(432));
    return Bytes(report.begin() + 320, report.begin() + 352);
  };
  const Bytes before = own_report_data();
  stop_quoting();
  start_quoting();
  EXPECT_EQ(own_report_data(), before);
  EXPECT_NE(before, Bytes(32));
}

}  // namespace
}  // namespace clemmys::attest
