#include "softsgx/signals.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "softsgx/control.h"
#include "softsgx/deliver.h"
#include "softsgx/descriptor.h"

namespace clemmys::softsgx {
namespace {

constexpr std::array kOwnSignals = {SIGILL, SIGTRAP, SIGSYS, SIGSEGV, SIGBUS, SIGFPE};

std::mutex installing;
std::array<struct sigaction, NSIG> program{};  // what the program asked for
int memory_fd = -1;                            // /proc/self/mem
thread_local std::uint64_t handlers_run_here = 0;

bool own(int number) { return std::ranges::find(kOwnSignals, number) != kOwnSignals.end(); }
bool is_entry(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) &&
         reinterpret_cast<void*>(action.sa_sigaction) == reinterpret_cast<void*>(&softsgx_signal_entry);
}
bool has_handler(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) || (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

// install makes the kernel call softsgx_signal_entry. All signals are blocked in it; `forward` sets the mask
// that the program's handler expects.
bool install(int number, int flags) {
  struct sigaction action{};
  action.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(&softsgx_signal_entry);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | (flags & (SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT));
  ::sigfillset(&action.sa_mask);
  return ::sigaction(number, &action, nullptr) == 0;
}

bool take(int number, int flags) {
  struct sigaction old{};
  if (::sigaction(number, nullptr, &old) != 0) return false;
  if (is_entry(old)) return true;
  program[static_cast<std::size_t>(number)] = old;
  return install(number, flags);
}

// KernelAction is struct sigaction as the kernel has it.
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  std::uint64_t flags;
  void (*restorer)();
  std::uint64_t mask;
};

// take_library_signal takes one of the signals that the C library keeps from sigaction(2). Its handlers use
// thread-local storage.
void take_library_signal(int number) {
  KernelAction action{};
  if (::syscall(SYS_rt_sigaction, number, nullptr, &action, sizeof action.mask) != 0) return;
  if (!(action.flags & SA_SIGINFO) ||
      reinterpret_cast<void*>(action.handler) == reinterpret_cast<void*>(&softsgx_signal_entry))
    return;
  struct sigaction& entry = program[static_cast<std::size_t>(number)];
  entry.sa_sigaction = action.handler;
  entry.sa_flags = static_cast<int>(action.flags & (SA_SIGINFO | SA_RESTART));
  std::memcpy(&entry.sa_mask, &action.mask, sizeof action.mask);
  action.handler = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(&softsgx_signal_entry);
  action.flags |= SA_ONSTACK;
  action.mask = ~std::uint64_t{0};
  (void)::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
}

bool as_kernel = false;
pid_t owner = 0;  // whose handlers `program` are: a child of vfork shares our memory, not our handlers

std::uint64_t own_mask() {
  std::uint64_t mask = 0;
  for (const int signal : kOwnSignals) mask |= std::uint64_t{1} << (signal - 1);
  return mask;
}

// set_handler_mask blocks what the kernel would block for the program's handler. Not while the thread is
// inside: a nested fault would be taken for the enclave's.
void set_handler_mask(int number, const struct sigaction& action, const ucontext_t& context) {
  if (softsgx_control != nullptr && softsgx_control->inside != nullptr) return;
  std::uint64_t mask = 0, extra = 0;
  std::memcpy(&mask, &context.uc_sigmask, sizeof mask);
  std::memcpy(&extra, &action.sa_mask, sizeof extra);
  mask |= extra;
  if (!(action.sa_flags & SA_NODEFER)) mask |= std::uint64_t{1} << (number - 1);
  mask &= ~(own_mask() & ~(std::uint64_t{1} << (number - 1)));
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask);
}

void reopen_memory() {
  if (memory_fd >= 0) close_own_descriptor(memory_fd);
  const long fd = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC);  // open(2) as it is
  memory_fd = out_of_the_way(static_cast<int>(fd));
}

// in_child: the child's memory is another, and fork drops the trap on system calls.
void in_child() {
  owner = ::getpid();
  reopen_memory();
  after_fork();
}

}  // namespace

void forward(int number, siginfo_t* info, ucontext_t* context, Default when_default) {
  struct sigaction& entry = program[static_cast<std::size_t>(number)];
  const struct sigaction action = entry;
  if (has_handler(action)) {
    ++handlers_run_here;
    if (action.sa_flags & static_cast<int>(SA_RESETHAND)) entry.sa_handler = SIG_DFL;
    const bool outside = softsgx_control != nullptr && softsgx_control->inside == nullptr;
    if (as_kernel && outside && deliver(number, *info, *context, action, host_signal_stack(), own_mask()))
      return;
    set_handler_mask(number, action, *context);
    if (action.sa_flags & SA_SIGINFO)
      action.sa_sigaction(number, info, context);
    else
      action.sa_handler(number);
    return;
  }
  if (action.sa_handler == SIG_IGN && info->si_code <= 0) return;
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  ::sigaction(number, &standard, nullptr);
  const bool sent = info->si_code <= 0 || number == SIGSYS || number == SIGTRAP;
  if (sent || when_default == Default::kSend) ::raise(number);
}

void deliver_as_kernel() { as_kernel = true; }

std::uint64_t handlers_run() { return handlers_run_here; }

bool write_executable(std::uint64_t address, std::uint8_t byte) {
  return memory_fd >= 0 && ::pwrite(memory_fd, &byte, 1, static_cast<off_t>(address)) == 1;
}

bool read_memory(std::uint64_t address, void* to, std::size_t size) {
  return memory_fd >= 0 &&
         ::pread(memory_fd, to, size, static_cast<off_t>(address)) == static_cast<ssize_t>(size);
}

void wrap_library_handlers() {
  const std::scoped_lock guard(installing);
  for (int number = __SIGRTMIN; number < SIGRTMIN; ++number) take_library_signal(number);
}

void wrap_host_handlers() {
  wrap_library_handlers();
  const std::scoped_lock guard(installing);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction old{};
    if (::sigaction(number, nullptr, &old) != 0) continue;  // the two that the C library keeps to itself
    if (has_handler(old)) take(number, old.sa_flags);
  }
}

Status install_signal_handlers() {
  {
    const std::scoped_lock guard(installing);
    owner = ::getpid();
    if (memory_fd < 0) {
      reopen_memory();
      ::pthread_atfork(nullptr, nullptr, in_child);
    }
    for (const int number : kOwnSignals)
      if (!take(number, 0))
        return Error{ErrorCode::kInternal, "softsgx.signals.install", std::strerror(errno)};
  }
  wrap_host_handlers();
  return {};
}

int host_sigaction(int number, const struct sigaction* wanted, struct sigaction* old) {
  if (owner != 0 && ::getpid() != owner) return ::sigaction(number, wanted, old);
  const std::scoped_lock guard(installing);
  struct sigaction current{};
  if (::sigaction(number, nullptr, &current) != 0) return -1;  // no such signal
  struct sigaction& entry = program[static_cast<std::size_t>(number)];
  if (!is_entry(current)) entry = current;
  const struct sigaction before = entry;
  if (wanted != nullptr) {
    const struct sigaction action = *wanted;
    if (!own(number) && !has_handler(action)) {
      if (::sigaction(number, &action, nullptr) != 0) return -1;
    } else if (number == SIGKILL || number == SIGSTOP) {
      errno = EINVAL;
      return -1;
    }
    entry = action;
    if ((own(number) || has_handler(action)) && !install(number, action.sa_flags)) return -1;
  }
  if (old != nullptr) *old = before;
  return 0;
}

}  // namespace clemmys::softsgx
