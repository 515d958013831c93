#include "invoker/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace clemmys::invoker {
namespace {

constexpr rlim_t kOpenFilesMax = 256;
constexpr int kHighDescriptor = 64;

// become turns the child of vfork into the program. It shares the parent's memory: nothing here allocates or
// locks. Returns only on failure.
int become(const char* program, char* const* arguments, char* const* environment, int null, int link,
           int output, pid_t parent) {
  // First out of the way of the target numbers, then into place.
  const int high_link = ::fcntl(link, F_DUPFD, kHighDescriptor);
  const int high_output = ::fcntl(output, F_DUPFD, kHighDescriptor);
  const int high_null = ::fcntl(null, F_DUPFD, kHighDescriptor);
  if (high_link < 0 || high_output < 0 || high_null < 0) return errno;
  if (::dup2(high_null, 0) < 0 || ::dup2(high_output, 1) < 0 || ::dup2(high_output, 2) < 0 ||
      ::dup2(high_link, 3) < 0)
    return errno;
  if (::syscall(SYS_close_range, 4u, ~0u, 0u) != 0) return errno;

  ::setsid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) return ESRCH;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  const rlimit no_core{0, 0}, files{kOpenFilesMax, kOpenFilesMax};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::setrlimit(RLIMIT_NOFILE, &files) != 0) return errno;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &standard, nullptr);
  ::execve(program, arguments, environment);
  return errno;
}

void add(std::vector<char*>& pointers, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
}

}  // namespace

Result<SpawnedProcess> spawn(const SpawnRequest& request) {
  std::vector<char*> arguments{const_cast<char*>(request.program.c_str())}, environment;
  add(arguments, request.arguments);
  add(environment, request.environment);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return Error{ErrorCode::kInternal, "invoker.spawn.null", std::strerror(errno)};

  // All signals wait while the child shares this memory, so that no handler of ours runs in it.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  volatile int failure = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) {
    failure = become(request.program.c_str(), arguments.data(), environment.data(), null, request.link,
                     request.output, parent);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(null);
  if (pid < 0) return Error{ErrorCode::kExhausted, "invoker.spawn.fork", std::strerror(fork_error)};
  if (failure != 0) {
    ::waitpid(pid, nullptr, 0);
    return Error{ErrorCode::kInternal, "invoker.spawn.exec", request.program + ": " + std::strerror(failure)};
  }
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const Error error{ErrorCode::kInternal, "invoker.spawn.pidfd", std::strerror(errno)};
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return SpawnedProcess{pid, pidfd};
}

ProcessEnd reap(int pidfd) {
  siginfo_t information{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &information, WEXITED) != 0) {
    if (errno != EINTR) return {};
  }
  return {information.si_code == CLD_EXITED, information.si_status};
}

std::string ProcessEnd::text() const {
  return (exited ? "exited with code " : "was killed by signal ") + std::to_string(status);
}

}  // namespace clemmys::invoker
