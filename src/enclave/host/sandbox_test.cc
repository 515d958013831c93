#include "enclave/host/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "enclave/host/isolation.h"

namespace clemmys::enclave {
namespace {

// holds_in_child runs `claim` in a child process.
bool holds_in_child(const std::function<bool()>& claim) {
  const pid_t child = fork();
  if (child == 0) _exit(claim() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// holds runs `claim` in a confined child process.
bool holds(const SandboxTerms& terms, const std::function<bool()>& claim) {
  return holds_in_child([&] { return confine(terms) && claim(); });
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
  EXPECT_TRUE(holds({}, [] { return refused(syscall(SYS_sync)); }));
  EXPECT_TRUE(holds({.files = true}, [] { return open("/dev/null", O_RDONLY) >= 0; }));
  EXPECT_TRUE(holds({.files = true}, [] { return syscall(SYS_sync) == 0; }));
}

TEST(Sandbox, WithoutNetworkOnlyUnixSockets) {
  EXPECT_TRUE(holds({.quoting = true}, [] {
    return refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_INET6, SOCK_STREAM, 0));
  }));
  EXPECT_TRUE(holds({.quoting = true}, [] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  EXPECT_TRUE(holds({.network = true}, [] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
}

TEST(Sandbox, AFunctionMakesNoSocketAndConnectsNone) {
  const int ready = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr address{.sa_family = AF_UNIX, .sa_data = {}};
  EXPECT_TRUE(holds({}, [] { return refused(socket(AF_UNIX, SOCK_STREAM, 0)); }));
  EXPECT_TRUE(holds({}, [&] { return refused(connect(ready, &address, sizeof address)); }));
  EXPECT_TRUE(
      holds_in_child([&] { return connect(ready, &address, sizeof address) != 0 && errno != EPERM; }));
  close(ready);
}

TEST(Sandbox, MakesNoProcess) {
  const auto forks = [] {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    return child >= 0;
  };
  EXPECT_TRUE(holds({true, true}, [&] { return !forks(); }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(syscall(SYS_vfork)); }));
  EXPECT_TRUE(holds({true, true}, [] { return syscall(SYS_clone3, nullptr, 0) == -1 && errno == ENOSYS; }));
  EXPECT_TRUE(holds_in_child(forks));
}

TEST(Sandbox, SignalsNobodyButItself) {
  const auto signals_parent = [] { return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0; };
  EXPECT_TRUE(holds({true, true}, [&] { return !signals_parent() && errno == EPERM; }));
  EXPECT_TRUE(holds({true, true}, [] { return syscall(SYS_tgkill, getpid(), gettid(), 0) == 0; }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(fcntl(0, F_SETOWN, 1)); }));
  EXPECT_TRUE(holds_in_child(signals_parent));
}

TEST(Sandbox, StillDiesWithItsParent) {
  const auto survives = [] { return prctl(PR_SET_PDEATHSIG, 0) == 0; };
  EXPECT_TRUE(holds({true, true}, [&] { return !survives(); }));
  EXPECT_TRUE(holds_in_child(survives));
}

TEST(Sandbox, ReachesNoOtherProcess) {
  EXPECT_TRUE(holds({true, true}, [] { return refused(kill(1, 0)); }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(syscall(SYS_ptrace, 0, 0, 0, 0)); }));
  EXPECT_TRUE(holds({true, true},
                    [] { return refused(syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0)); }));
}

TEST(Sandbox, HoldsNoMemoryThatIsNotResident) {
  const auto maps = [](int flags) {
    return mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
  };
  EXPECT_TRUE(holds({true, true}, [&] { return !maps(MAP_SHARED) && errno == EPERM; }));
  EXPECT_TRUE(holds({true, true}, [&] { return !maps(MAP_SHARED | MAP_NORESERVE) && errno == EPERM; }));
  EXPECT_TRUE(holds({true, true}, [&] { return !maps(MAP_SHARED_VALIDATE) && errno == EPERM; }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(syscall(SYS_memfd_create, "", 0)); }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(syscall(SYS_shmget, 0, 4096, 0600)); }));
  EXPECT_TRUE(holds({true, true}, [] { return refused(fcntl(0, F_SETPIPE_SZ, 1 << 20)); }));
  EXPECT_TRUE(holds({true, true}, [&] { return maps(MAP_PRIVATE); }));
  const int file = memfd_create("", 0);
  EXPECT_TRUE(holds({}, [&] { return mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0) != MAP_FAILED; }))
      << "as the SGX device is";
  close(file);
  EXPECT_TRUE(holds_in_child([&] { return maps(MAP_SHARED); }));
}

TEST(Sandbox, StillMakesThreads) {
  EXPECT_TRUE(holds({}, [] {
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    return ran;
  }));
}

TEST(Isolation, HasAnEmptyRootAndNothingToReach) {
  const auto sees_files = [] { return access("/proc", F_OK) == 0 || access("/tmp", F_OK) == 0; };
  if (!holds_in_child([] { return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0; })) {
    // As in most containers: it says so, and leaves everything as it is.
    EXPECT_TRUE(holds_in_child([&] { return isolate().starts_with("no namespaces of") && sees_files(); }));
    return;
  }
  const auto has_network = [] {
    const int probe = socket(AF_UNIX, SOCK_DGRAM, 0);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    return ioctl(probe, SIOCGIFFLAGS, &loopback) == 0 && (loopback.ifr_flags & IFF_UP) != 0;
  };
  EXPECT_TRUE(holds_in_child([&] { return isolate().empty() && !sees_files(); }));
  EXPECT_TRUE(holds_in_child([&] { return isolate().empty() && !has_network(); }));
  EXPECT_TRUE(holds_in_child([&] { return isolate().empty() && open("/x", O_CREAT | O_RDWR, 0600) < 0; }));
  EXPECT_TRUE(holds_in_child(
      [&] { return isolate().empty() && mount("none", "/", "tmpfs", 0, nullptr) != 0 && errno == EPERM; }));
  EXPECT_TRUE(holds_in_child(sees_files));
}

TEST(Isolation, BoundsWhatTheKernelCanBound) {
  const auto limit = [](__rlimit_resource resource) {
    rlimit now{};
    getrlimit(resource, &now);
    return now.rlim_max;
  };
  EXPECT_TRUE(holds_in_child([&] {
    return limit_resources(32) && limit(RLIMIT_CORE) == 0 && limit(RLIMIT_FSIZE) == 0 &&
           limit(RLIMIT_MEMLOCK) == 0 && limit(RLIMIT_NOFILE) == 32;
  }));
  const auto opens_many = [] {
    int last = 0;
    for (int i = 0; i < 64 && last >= 0; ++i) last = dup(0);
    return last >= 0;
  };
  EXPECT_TRUE(holds_in_child([&] { return limit_resources(32) && !opens_many(); }));
  EXPECT_TRUE(holds_in_child(opens_many));
}

}  // namespace
}  // namespace clemmys::enclave
