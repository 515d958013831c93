// signals.h: signals that a process sends to itself: by kill, tgkill and abort, and by its own faults. Nobody
// outside can send one in. A signal is delivered when the thread that it is for comes back from a system
// call, or from its fault; a thread that waits in the host for a descriptor is not woken by one. Writing to a
// closed socket gives EPIPE alone, as if SIGPIPE were ignored.
#pragma once

#include "sgx/arch.h"
#include "shield/linux.h"
#include "shield/thread.h"

namespace clemmys::shield {

inline constexpr uint64_t kSignals = 64;
constexpr uint64_t signal_bit(uint64_t signal) { return 1ull << (signal - 1); }

inline uint64_t process_signals;  // pending for whichever thread takes them; atomic

// signal_waits is whether a signal is to be delivered to this thread.
inline bool signal_waits(const Thread& thread) {
  const uint64_t pending = __atomic_load_n(&thread.signals, __ATOMIC_RELAXED) |
                           __atomic_load_n(&process_signals, __ATOMIC_RELAXED);
  return (pending & ~thread.signal_mask) != 0;
}

// SignalInfo is the part of siginfo_t that a handler may rely on.
struct SignalInfo {
  int32_t signal, error, code, padding;
  uint64_t address;  // of a fault; else process and user id of the sender
};

// deliver_signals runs the default action of what waits, or changes `registers` so that the program continues
// in its handler. Called last in a system call.
void deliver_signals(Registers& registers);
// deliver_fault has the program's handler run for an exception of its own; false: it has none that may run
// now.
bool deliver_fault(Thread& thread, sgx::GprSgx& state, uint8_t* xsave, const SignalInfo& info);
// The two halves of rt_sigreturn: the call traps, the exception handler puts the frame's state back.
[[noreturn]] void return_from_signal(const Registers& registers);
bool is_signal_return(uint64_t address);
void restore_from_frame(Thread& thread, sgx::GprSgx& state, uint8_t* xsave);
// end_by_signal ends the process as a signal's default action does. `site` says where, for people.
[[noreturn]] void end_by_signal(uint64_t signal, const char* site);

// Calls.
int64_t call_kill(uint64_t process, uint64_t signal);
int64_t call_tgkill(uint64_t process, uint64_t thread, uint64_t signal);
int64_t call_rt_sigaction(uint64_t signal, uint64_t action, uint64_t action_old, uint64_t set_size);
int64_t call_rt_sigprocmask(uint64_t how, uint64_t set, uint64_t set_old, uint64_t set_size);
int64_t call_rt_sigpending(uint64_t set, uint64_t set_size);
int64_t call_sigaltstack(uint64_t stack, uint64_t stack_old);

// SignalAction is the kernel's struct sigaction.
struct SignalAction {
  uint64_t handler, flags, restorer, mask;
};
inline constexpr uint32_t kStackDisabled = 2;  // SS_DISABLE
inline constexpr uint64_t kHandlerDefault = 0, kHandlerIgnore = 1;
// take_action gives a signal's action, once where it asks for that (SA_RESETHAND).
SignalAction take_action(uint64_t signal);

}  // namespace clemmys::shield
