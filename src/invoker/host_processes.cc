#include "invoker/host_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "base/log.h"
#include "invoker/spawn.h"

namespace clemmys::invoker {
namespace {

namespace asio = boost::asio;

// kRefillAfter: the next process ahead is not started while the one that was taken loads its enclave.
constexpr auto kRefillAfter = std::chrono::milliseconds(50);

void close_if_open(int& descriptor) {
  if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
}

}  // namespace

Result<HostProcess> HostProcess::start(const HostProgram& program, const Clock& clock) {
  HostProcess process;
  int sockets[2], output[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return Error{ErrorCode::kExhausted, "invoker.instance.socketpair"};
  process.link_ = sockets[0];
  if (::pipe2(output, O_CLOEXEC) != 0) {
    ::close(sockets[1]);
    return Error{ErrorCode::kExhausted, "invoker.instance.pipe"};
  }
  process.output_ = output[0];
  std::vector<std::string> arguments{
      "--platform", program.platform, "--soft-state", program.soft_state, "--fd", "3", "--await-image"};
  if (program.soft_epc_mib != 0)
    arguments.insert(arguments.end(), {"--soft-epc-mib", std::to_string(program.soft_epc_mib)});
  const auto spawned = spawn({program.binary, arguments, sockets[1], output[1], program.environment});
  ::close(sockets[1]);
  ::close(output[1]);
  if (!spawned) return spawned.error();
  process.pid_ = spawned->pid;
  process.pidfd_ = spawned->pidfd;
  const std::string memory = "/proc/" + std::to_string(spawned->pid) + "/status";
  process.memory_ = ::open(memory.c_str(), O_RDONLY | O_CLOEXEC);
  process.spawned_ns_ = clock.monotonic_ns();
  return process;
}

HostProcess::HostProcess(HostProcess&& other) noexcept { *this = std::move(other); }

HostProcess& HostProcess::operator=(HostProcess&& other) noexcept {
  std::swap(pidfd_, other.pidfd_);
  std::swap(link_, other.link_);
  std::swap(output_, other.output_);
  std::swap(memory_, other.memory_);
  pid_ = other.pid_;
  spawned_ns_ = other.spawned_ns_;
  return *this;
}

HostProcess::~HostProcess() {
  close_if_open(link_);
  close_if_open(output_);
  close_if_open(memory_);
  if (pidfd_ < 0) return;
  ::syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
  reap(pidfd_);  // a process without an enclave dies at once
  close_if_open(pidfd_);
}

bool HostProcess::has_ended() const {
  pollfd ended{.fd = pidfd_, .events = POLLIN, .revents = 0};
  return ::poll(&ended, 1, 0) != 0;
}

struct HostProcesses::State : std::enable_shared_from_this<HostProcesses::State> {
  State(controller::Loop& loop, const Clock& clock_of, HostProgram program_of)
      : timer(loop), clock(clock_of), program(std::move(program_of)) {}

  asio::steady_timer timer;
  const Clock& clock;
  const HostProgram program;
  std::deque<HostProcess> waiting;
  bool refilling = false, closed = false;

  // plan_refill starts one process at a time.
  void plan_refill(std::chrono::milliseconds after) {
    if (waiting.size() >= program.prewarmed || std::exchange(refilling, true)) return;
    timer.expires_after(after);
    timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
      self->refilling = false;
      if (error || self->closed) return;
      auto started = HostProcess::start(self->program, self->clock);
      if (!started) return log_warning("cannot start a process ahead: " + to_string(started.error()));
      self->waiting.push_back(std::move(*started));
      self->plan_refill(kRefillAfter);
    });
  }
};

HostProcesses::HostProcesses(controller::Loop& loop, const Clock& clock, HostProgram program)
    : state_(std::make_shared<State>(loop, clock, std::move(program))) {
  state_->plan_refill(std::chrono::milliseconds(0));
}

HostProcesses::~HostProcesses() { close(); }

void HostProcesses::close() {
  state_->closed = true;
  state_->timer.cancel();
  state_->waiting.clear();
}

Result<HostProcess> HostProcesses::take() {
  std::deque<HostProcess>& waiting = state_->waiting;
  while (!waiting.empty() && waiting.front().has_ended()) waiting.pop_front();
  if (waiting.empty()) {
    state_->plan_refill(kRefillAfter);
    return HostProcess::start(state_->program, state_->clock);
  }
  HostProcess taken = std::move(waiting.front());
  waiting.pop_front();
  state_->plan_refill(kRefillAfter);
  return taken;
}

std::size_t HostProcesses::waiting() const { return state_->waiting.size(); }

}  // namespace clemmys::invoker
