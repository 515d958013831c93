// interpose_signals.cc: a program's handlers and stacks for signals, kept apart from softsgx's own; and the
// signals that carry the emulated processor's traps never get blocked.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cerrno>

#include "softsgx/control.h"
#include "softsgx/run/next.h"
#include "softsgx/signals.h"

namespace clemmys::softsgx {
namespace {

constexpr int kTraps[] = {SIGILL, SIGTRAP, SIGSYS, SIGSEGV, SIGBUS, SIGFPE};

// without_traps is a mask that leaves them open: a blocked trap would kill the program.
const sigset_t* without_traps(int how, const sigset_t* wanted, sigset_t& copy) {
  if (wanted == nullptr || how == SIG_UNBLOCK) return wanted;
  copy = *wanted;
  for (const int number : kTraps) ::sigdelset(&copy, number);
  return &copy;
}

sighandler_t set_handler(int number, sighandler_t handler, int flags) {
  struct sigaction wanted{}, old{};
  wanted.sa_handler = handler;
  wanted.sa_flags = flags;
  ::sigemptyset(&wanted.sa_mask);
  return host_sigaction(number, &wanted, &old) == 0 ? old.sa_handler : SIG_ERR;
}

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

SOFTSGX_EXPORT int sigaction(int number, const struct sigaction* wanted, struct sigaction* old) noexcept {
  return host_sigaction(number, wanted, old);
}
SOFTSGX_EXPORT sighandler_t signal(int number, sighandler_t handler) noexcept {
  return set_handler(number, handler, SA_RESTART);
}
SOFTSGX_EXPORT sighandler_t sysv_signal(int number, sighandler_t handler) noexcept {
  return set_handler(number, handler, static_cast<int>(SA_RESETHAND | SA_NODEFER));
}
extern "C" sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept;
SOFTSGX_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler) noexcept {
  return set_handler(number, handler, static_cast<int>(SA_RESETHAND | SA_NODEFER));
}

SOFTSGX_EXPORT int sigprocmask(int how, const sigset_t* wanted, sigset_t* old) noexcept {
  sigset_t copy;
  return NEXT(sigprocmask)(how, without_traps(how, wanted, copy), old);
}
SOFTSGX_EXPORT int pthread_sigmask(int how, const sigset_t* wanted, sigset_t* old) noexcept {
  sigset_t copy;
  return NEXT(pthread_sigmask)(how, without_traps(how, wanted, copy), old);
}

SOFTSGX_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                                  void* argument) noexcept {
  const int answer = NEXT(pthread_create)(thread, attributes, run, argument);
  static std::atomic<bool> wrapped = false;
  if (!wrapped.exchange(true)) wrap_library_handlers();
  return answer;
}

// A thread that wants a stack, or has entered an enclave, gets softsgx's, and what it asked for is
// remembered: the kernel would not change the stack later, at an entry, from a handler that runs on it.
SOFTSGX_EXPORT int sigaltstack(const stack_t* wanted, stack_t* old) noexcept {
  if (softsgx_control == nullptr && wanted != nullptr && !(wanted->ss_flags & SS_DISABLE))
    (void)thread_control();
  if (softsgx_control == nullptr) return NEXT(sigaltstack)(wanted, old);
  if (wanted != nullptr && !(wanted->ss_flags & SS_DISABLE) && wanted->ss_size < 2048)
    return errno = ENOMEM, -1;
  const stack_t before = host_signal_stack();
  if (wanted != nullptr) set_host_signal_stack(*wanted);
  if (old != nullptr) *old = before;
  return 0;
}

// What softsgx itself asks of signals is the kernel's business alone: a sanitizer would call its handlers
// late.
extern "C" {
int __wrap_sigaction(int number, const struct sigaction* wanted, struct sigaction* old) {
  static const auto own = reinterpret_cast<decltype(&::sigaction)>(c_library("sigaction"));
  return own(number, wanted, old);
}
int __wrap_sigaltstack(const stack_t* wanted, stack_t* old) { return NEXT(sigaltstack)(wanted, old); }
}
