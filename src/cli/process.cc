#include "cli/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <sstream>
#include <thread>
#include <utility>

#include "cli/interrupt.h"
#include "cli/outcome.h"

namespace clemmys::cli {
namespace {

// Standard streams of a child: where they lead. -1 keeps ours.
struct Streams {
  int input = -1, output = -1, errors = -1;
};

// become runs in the child between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const char* program, char* const* arguments, const char* folder, Streams streams,
                         pid_t parent, bool own_group) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  if (own_group) ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (streams.input >= 0) ::dup2(streams.input, STDIN_FILENO);
  if (streams.output >= 0 && ::dup2(streams.output, STDOUT_FILENO) < 0) ::_exit(127);
  if (streams.errors >= 0 && ::dup2(streams.errors, STDERR_FILENO) < 0) ::_exit(127);
  if (folder != nullptr && ::chdir(folder) != 0) ::_exit(127);
  ::execvp(program, arguments);
  ::_exit(127);
}

Result<pid_t> spawn(const std::vector<std::string>& arguments, const char* folder, Streams streams,
                    bool own_group) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0)
    return failure(ErrorCode::kExhausted, "cli.process.fork", "cannot start " + arguments.front(),
                   "free memory or processes, then retry");
  if (pid == 0) become(pointers.front(), pointers.data(), folder, streams, parent, own_group);
  return pid;
}

std::string describe(int status) {
  if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

Result<Child> Child::start(std::string name, const std::vector<std::string>& arguments,
                           const fs::path& folder, const fs::path& log) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  auto pid =
      null < 0 || output < 0
          ? Result<pid_t>(failure(ErrorCode::kInternal, "cli.process.log", "cannot write " + log.string(),
                                  "check the folder's rights and space"))
          : spawn(arguments, folder.c_str(), {null, output, output}, true);
  if (null >= 0) ::close(null);
  if (output >= 0) ::close(output);
  if (!pid) return pid.error();
  return Child(std::move(name), log, *pid);
}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)),
      log_(std::move(other.log_)),
      pid_(std::exchange(other.pid_, -1)),
      ended_(std::move(other.ended_)) {}

Child::~Child() {
  if (pid_ > 0) end();
}

std::optional<std::string> Child::ended() {
  int status = 0;
  if (!ended_ && pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) ended_ = describe(status);
  return ended_;
}

void Child::end(std::chrono::milliseconds grace) {
  if (pid_ <= 0 || ended()) return;
  ::kill(pid_, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + grace;
  while (!ended()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      ::kill(-pid_, SIGKILL);
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
      }
      ended_ = describe(status);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string last_lines(const fs::path& log, std::size_t count) {
  const auto text = read_text(log, 64u << 20);
  if (!text) return "  (no log)";
  std::deque<std::string> lines;
  std::istringstream input(*text);
  for (std::string line; std::getline(input, line);) {
    lines.push_back("  | " + line.substr(0, 400));
    if (lines.size() > count) lines.pop_front();
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  if (!out.empty()) out.pop_back();
  return out.empty() ? "  (the log is empty)" : out;
}

namespace {

Result<int> wait_for(pid_t pid, std::optional<std::chrono::milliseconds> timeout, Interrupt& interrupt) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLook(100);  // where another thread takes the child's signal
  const Clock::time_point start = Clock::now();
  std::string_view ended_at;
  for (;;) {
    int status = 0;
    const pid_t done = ::waitpid(pid, &status, ended_at.empty() ? WNOHANG : 0);
    if (done < 0 && errno != EINTR) return Error{ErrorCode::kInternal, "cli.process.wait"};
    if (done == pid && ended_at.empty())
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (done == pid) return failure(ErrorCode::kDeadline, ended_at, "ended before it was done", "try again");
    auto left = kLook;
    if (timeout)
      left = std::min(left, std::chrono::ceil<std::chrono::milliseconds>(start + *timeout - Clock::now()));
    if (left.count() <= 0) {
      ended_at = "cli.process.timeout";
    } else if (interrupt.wait(left)) {
      ended_at = "cli.process.interrupted";
    }
    if (!ended_at.empty()) ::kill(pid, SIGKILL);
  }
}

}  // namespace

Result<int> run_to_end(const std::vector<std::string>& arguments, Output output, const fs::path& input,
                       std::optional<std::chrono::milliseconds> timeout) {
  const int stream = input.empty() ? -1 : ::open(input.c_str(), O_RDONLY | O_CLOEXEC);
  if (!input.empty() && stream < 0)
    return failure(ErrorCode::kNotFound, "cli.process.input", "cannot open " + input.string(),
                   "name a readable file");
  const int nowhere = output == Output::kNowhere ? ::open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
  Interrupt interrupt;
  const auto started =
      spawn(arguments, nullptr,
            {.input = stream, .output = output == Output::kError ? STDERR_FILENO : nowhere}, false);
  for (const int descriptor : {stream, nowhere}) {
    if (descriptor >= 0) ::close(descriptor);
  }
  if (!started) return started.error();
  return wait_for(*started, timeout, interrupt);
}

}  // namespace clemmys::cli
