// Every program here runs as an ordinary process and inside an enclave; output and exit status must be the
// same.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace {

struct Outcome {
  std::string output;
  int status = -1;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "status " << outcome.status << "\n" << outcome.output;
}

Outcome run(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen(("env -i " + command + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    outcome.output.append(buffer, got);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

class Programs : public testing::Test {
 protected:
  Programs() {
    std::string pattern = testing::TempDir() + "/clemmys-shield-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(directory_ + "/outside");
    std::filesystem::create_directories(directory_ + "/inside");
  }
  ~Programs() override { std::filesystem::remove_all(directory_); }

  Outcome outside(const std::string& name, const std::string& arguments = "") {
    return run(kBinaries + "/bin/shield_" + name + " " + arguments);
  }
  Outcome inside(const std::string& name, const std::string& arguments = "") {
    return run(kBinaries + "/bin/clemmys-host --platform soft --soft-state " + directory_ +
               "/soft --mount /state=" + directory_ + "/inside " + kBinaries + "/images/shield_" + name +
               ".sgx -- " + arguments);
  }

  const std::string kBinaries = CLEMMYS_BINARY_DIR;
  std::string directory_;
};

TEST_F(Programs, HelloPrintsTheSameAndExitsWithItsStatus) {
  const Outcome expected = outside("hello", "one two");
  EXPECT_EQ(expected.status, 7);
  EXPECT_EQ(inside("hello", "one two"), expected);
}

TEST_F(Programs, ThreadsContendWaitAndEndAlike) { EXPECT_EQ(inside("threads"), outside("threads")); }

TEST_F(Programs, MemoryGrowsShrinksAndComesBackZeroed) { EXPECT_EQ(inside("memory"), outside("memory")); }

TEST_F(Programs, FilesOfTheAllowListBehaveAlike) {
  EXPECT_EQ(inside("files", "/state"), outside("files", directory_ + "/outside"));
}

TEST_F(Programs, SocketsTimersAndEpollBehaveAlike) {
  EXPECT_EQ(inside("sockets", "/state/s"), outside("sockets", directory_ + "/outside/s"));
  EXPECT_TRUE(std::filesystem::is_socket(directory_ + "/inside/s"));
}

TEST_F(Programs, AsioCoroutinesEchoOnSeveralThreads) { EXPECT_EQ(inside("asio"), outside("asio")); }

TEST_F(Programs, TlsHandshakeSucceeds) { EXPECT_EQ(inside("tls"), outside("tls")); }

TEST_F(Programs, EverythingAtOnceOnSixThreads) {
  for (int round = 0; round < 5; ++round) EXPECT_EQ(inside("stress"), (Outcome{"failed 0\n", 0}));
}

TEST_F(Programs, AHeapThatIsThereFromTheStartServesBrk) {
  EXPECT_EQ(inside("static_heap"), outside("hello"));
}

TEST_F(Programs, AttestationDevicesAnswerAndOtherPathsAreRefused) {
  const Outcome expected{
      "report data written 64\nreport 432 bytes, our data in it 1\nkey 16 bytes, stable 1, not zero 1\nother "
      "devices -1\n"
      "paths off the list -1 -1\nquote without a service -1\n",
      0};
  EXPECT_EQ(inside("attestation"), expected);
}

TEST_F(Programs, FaultsEndTheProcessWithAWord) {
  const Outcome outcome = inside("fault");
  EXPECT_EQ(outcome.status, 126);
  EXPECT_NE(outcome.output.find("exception.page_fault"), std::string::npos) << outcome.output;
}

}  // namespace
