#include "enclave/host/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

namespace clemmys::enclave {
namespace {

// holds runs `claim` in a confined child process.
bool holds(const SandboxTerms& terms, const std::function<bool()>& claim) {
  const pid_t child = fork();
  if (child == 0) _exit(confine(terms) && claim() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool refused(long result) { return result == -1 && errno == EPERM; }

TEST(Sandbox, NeverStartsAProgram) {
  const char* const arguments[] = {"/bin/true", nullptr};
  EXPECT_TRUE(
      holds({true, true}, [&] { return refused(execv(arguments[0], const_cast<char* const*>(arguments))); }));
  EXPECT_TRUE(holds({true, true}, [&] {
    return refused(syscall(SYS_execveat, AT_FDCWD, arguments[0], arguments, nullptr, 0));
  }));
}

TEST(Sandbox, WithoutFilesNoPathCanBeNamed) {
  EXPECT_TRUE(holds({}, [] { return refused(open("/dev/null", O_RDONLY)); }));
  EXPECT_TRUE(holds({}, [] { return refused(syscall(SYS_unlinkat, AT_FDCWD, "/tmp/x", 0)); }));
  EXPECT_TRUE(holds({.files = true}, [] { return open("/dev/null", O_RDONLY) >= 0; }));
}

TEST(Sandbox, WithoutNetworkOnlyUnixSockets) {
  EXPECT_TRUE(holds({}, [] {
    return refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_INET6, SOCK_STREAM, 0));
  }));
  EXPECT_TRUE(holds({}, [] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  EXPECT_TRUE(holds({.network = true}, [] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
}

TEST(Sandbox, ReachesNoOtherProcess) {
  EXPECT_TRUE(holds({true, true}, [] { return refused(kill(1, 0)); }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(syscall(SYS_ptrace, 0, 0, 0, 0)); }));
  EXPECT_TRUE(holds({true, true},
                    [] { return refused(syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0)); }));
}

TEST(Sandbox, StillMakesThreads) {
  EXPECT_TRUE(holds({}, [] {
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    return ran;
  }));
}

}  // namespace
}  // namespace clemmys::enclave
