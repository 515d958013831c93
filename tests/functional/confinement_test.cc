// What the kernel says about the host processes of a running platform: that each thread is filtered, and that
// a function's process has what docs/host-surface.md says, and no more. sandbox_test shows what the filter
// and the namespaces stop; this, that they are there when functions run.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "platform.h"

namespace clemmys::testing {
namespace {

namespace fs = std::filesystem;

std::string proc(pid_t pid) { return "/proc/" + std::to_string(pid) + "/"; }

std::vector<pid_t> children(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& task : fs::directory_iterator(proc(parent) + "task")) {
    std::istringstream list(read_text(task.path() / "children"));
    for (pid_t child; list >> child;) found.push_back(child);
  }
  return found;
}

// fields of /proc/PID/status and its like: what stands after "NAME:".
std::map<std::string, std::string> fields(const std::string& path) {
  std::map<std::string, std::string> found;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':'), value = line.find_first_not_of(" \t", colon + 1);
    if (value != std::string::npos) found[line.substr(0, colon)] = line.substr(value);
  }
  return found;
}

// limit is the soft and the hard one, as /proc/PID/limits has them.
std::pair<std::string, std::string> limit(pid_t pid, const std::string& name) {
  const std::string text = read_text(proc(pid) + "limits");
  const auto at = text.find(name);
  std::pair<std::string, std::string> found;
  if (at != std::string::npos)
    std::istringstream(text.substr(at + name.size())) >> found.first >> found.second;
  return found;
}

// user_namespaces_are_allowed asks the kernel as isolate() does.
bool user_namespaces_are_allowed() {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

void expect_filtered_threads(pid_t pid, std::size_t threads_min) {
  std::size_t threads = 0;
  for (const auto& task : fs::directory_iterator(proc(pid) + "task")) {
    auto status = fields(task.path() / "status");
    EXPECT_EQ(status["Seccomp"], "2") << task.path();
    EXPECT_EQ(status["NoNewPrivs"], "1") << task.path();
    ++threads;
  }
  EXPECT_GE(threads, threads_min) << read_text(proc(pid) + "cmdline");
}

// Two native functions and a script have run, and no process waits for work: the node's children are three
// instances.
class Confinement : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    PlatformOptions options;
    options.arguments = {"--prewarmed", "0", "--prewarmed-js", "0"};
    platform = new Platform(options);
    platform->deploy("first", "test_trace", R"([{"key":"label","value":"first"}])");
    platform->deploy("hello", "example_hello");
    platform->deploy_script("script", "function main() { return {right: true}; }");
    Client client = platform->client();
    const std::string body = R"({"value":1,"name":"Ada"})";
    for (const std::string action : {"first", "hello", "script"})
      ASSERT_EQ(client.api("POST", "actions/" + action + "?blocking=true", body).status, 200u) << action;
  }
  static void TearDownTestSuite() { delete platform; }

  void SetUp() override {
    instances = children(platform->part("node"));
    ASSERT_EQ(instances.size(), 3u);
  }

  static inline Platform* platform = nullptr;
  std::vector<pid_t> instances;
};

TEST_F(Confinement, EveryThreadOfEveryInstanceIsFilteredAndGainsNoPrivilege) {
  for (const pid_t pid : instances) expect_filtered_threads(pid, 2);
}

TEST_F(Confinement, EveryThreadOfKeyServiceGatewayAndQuotingEnclaveIsFilteredToo) {
  for (const std::string part : {"kms", "gateway", "quoting-enclave"})
    expect_filtered_threads(platform->part(part), 1);
}

TEST_F(Confinement, InstancesHaveNamespacesOfTheirOwnNoCapabilityAndAnEmptyRoot) {
  const bool allowed = user_namespaces_are_allowed();
  for (const std::string kind : {"user", "mnt", "net", "ipc", "uts", "cgroup"}) {
    std::set<std::string> seen{fs::read_symlink("/proc/self/ns/" + kind)};
    for (const pid_t pid : instances) seen.insert(fs::read_symlink(proc(pid) + "ns/" + kind));
    EXPECT_EQ(seen.size(), allowed ? 1 + instances.size() : 1u) << kind;
  }
  if (!allowed) return;
  for (const pid_t pid : instances) {
    for (const auto& task : fs::directory_iterator(proc(pid) + "task")) {
      auto status = fields(task.path() / "status");
      for (const std::string set : {"CapEff", "CapPrm", "CapInh", "CapAmb"})
        EXPECT_EQ(status[set], "0000000000000000") << set << " of " << task.path();
    }
    EXPECT_TRUE(fs::is_empty(proc(pid) + "root/"));
  }
}

// Pages of files, which all host processes share, are not counted; an enclave's pages are, as software SGX
// has them.
TEST_F(Confinement, AWarmInstanceHasTwelveMegabytesOfItsOwnAtMost) {
  Client client = platform->client();
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(client.api("POST", "actions/script?blocking=true", "{}").status, 200u);
  for (const pid_t pid : instances) {
    const long own_kib = std::stol(fields(proc(pid) + "status").at("RssAnon"));
    EXPECT_GT(own_kib, 1'000);
    EXPECT_LE(own_kib * 1024, 12'000'000);
  }
}

TEST_F(Confinement, LimitsOfTheKernelHoldForInstances) {
  const std::pair<std::string, std::string> none{"0", "0"}, descriptors{"64", "64"};
  for (const pid_t pid : instances) {
    for (const std::string name : {"core file size", "file size", "locked memory", "msgqueue size"})
      EXPECT_EQ(limit(pid, "Max " + name), none) << name;
    EXPECT_EQ(limit(pid, "Max open files"), descriptors);
  }
}

TEST_F(Confinement, InstancesHaveTheDescriptorsThatAreDocumentedAndNoOther) {
  for (const pid_t pid : instances) {
    std::map<int, std::string> open;
    for (const auto& entry : fs::directory_iterator(proc(pid) + "fd"))
      open[std::stoi(entry.path().filename())] = fs::read_symlink(entry.path());
    EXPECT_EQ(open[0], "/dev/null");
    EXPECT_TRUE(open[1].starts_with("pipe:")) << open[1];
    EXPECT_EQ(open[2], open[1]);
    EXPECT_TRUE(open[3].starts_with("socket:")) << open[3];
    for (const auto& [number, what] : open) {
      const bool of_software_sgx = what == proc(pid) + "mem" || what == "anon_inode:[userfaultfd]";
      EXPECT_TRUE(number <= 3 || of_software_sgx) << number << " is " << what;
    }
  }
}

}  // namespace
}  // namespace clemmys::testing
