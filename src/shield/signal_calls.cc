// What a program says about signals: actions, masks, stacks, and sending them.
#include <asm/signal.h>

#include "shield/calls.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"
#include "shield/signals.h"
#include "shield/slots.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kUnmaskable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);
constexpr uint64_t kStackSize = 24, kStackFlagsOffset = 8, kStackSizeOffset = 16;  // stack_t

Lock lock;
SignalAction actions[kSignals];

// is_here: the process, or the group of which it is all.
bool is_here(uint64_t process) {
  const auto id = static_cast<int32_t>(process);
  return id == kProcessId || id == 0 || id == -1 || id == -kProcessId;
}

}  // namespace

SignalAction take_action(uint64_t signal) {
  Guard guard(lock);
  SignalAction& action = actions[signal - 1];
  const SignalAction taken = action;
  if ((taken.flags & SA_RESETHAND) != 0) action.handler = kHandlerDefault;
  return taken;
}

int64_t call_kill(uint64_t process, uint64_t signal) {
  if (signal > kSignals) return -EINVAL;
  if (!is_here(process)) return -ESRCH;
  if (signal != 0) __atomic_fetch_or(&process_signals, signal_bit(signal), __ATOMIC_SEQ_CST);
  return 0;
}

int64_t call_tgkill(uint64_t process, uint64_t thread, uint64_t signal) {
  if (signal > kSignals) return -EINVAL;
  const uint64_t index = thread - kProcessId;
  if (static_cast<int32_t>(process) != kProcessId || index >= slots_made()) return -ESRCH;
  Thread& target = thread_at(index);
  const uint32_t state = __atomic_load_n(&target.state, __ATOMIC_ACQUIRE);
  if (state != kThreadRunning && state != kThreadSpawning) return -ESRCH;
  if (signal == 0) return 0;
  __atomic_fetch_or(&target.signals, signal_bit(signal), __ATOMIC_SEQ_CST);
  if (&target != &self()) call(OwnCall::kUnpark, 0, index);  // it may sleep in the shield
  return 0;
}

int64_t call_rt_sigaction(uint64_t signal, uint64_t action, uint64_t action_old, uint64_t set_size) {
  if (signal == 0 || signal > kSignals || set_size != 8) return -EINVAL;
  if ((action != 0 && !program_range(action, sizeof(SignalAction))) ||
      (action_old != 0 && !program_range(action_old, sizeof(SignalAction)))) {
    return -EFAULT;
  }
  if (action != 0 && (signal_bit(signal) & kUnmaskable) != 0) return -EINVAL;
  SignalAction next{};
  if (action != 0) next = *reinterpret_cast<const SignalAction*>(action);
  SignalAction before;
  {
    Guard guard(lock);
    before = actions[signal - 1];
    if (action != 0) actions[signal - 1] = next;
  }
  if (action_old != 0) *reinterpret_cast<SignalAction*>(action_old) = before;
  return 0;
}

int64_t call_rt_sigprocmask(uint64_t how, uint64_t set, uint64_t set_old, uint64_t set_size) {
  if (set_size != 8) return -EINVAL;
  if ((set != 0 && !program_range(set, 8)) || (set_old != 0 && !program_range(set_old, 8))) return -EFAULT;
  Thread& thread = self();
  const uint64_t before = thread.signal_mask;
  if (set != 0) {
    const uint64_t value = *reinterpret_cast<const uint64_t*>(set);
    if (how > 2) return -EINVAL;
    thread.signal_mask = (how == SIG_BLOCK     ? before | value
                          : how == SIG_UNBLOCK ? before & ~value
                                               : value) &
                         ~kUnmaskable;
  }
  if (set_old != 0) *reinterpret_cast<uint64_t*>(set_old) = before;
  return 0;
}

int64_t call_rt_sigpending(uint64_t set, uint64_t set_size) {
  if (set_size > 8) return -EINVAL;
  if (!program_range(set, set_size)) return -EFAULT;
  const Thread& thread = self();
  const uint64_t pending = (__atomic_load_n(&thread.signals, __ATOMIC_RELAXED) |
                            __atomic_load_n(&process_signals, __ATOMIC_RELAXED)) &
                           thread.signal_mask;
  memcpy(reinterpret_cast<void*>(set), &pending, set_size);
  return 0;
}

int64_t call_sigaltstack(uint64_t stack, uint64_t stack_old) {
  constexpr uint64_t kSmallest = 2048;  // MINSIGSTKSZ
  if ((stack != 0 && !program_range(stack, kStackSize)) ||
      (stack_old != 0 && !program_range(stack_old, kStackSize))) {
    return -EFAULT;
  }
  Thread& thread = self();
  const uint64_t begin = thread.signal_stack, size = thread.signal_stack_size;
  if (stack != 0) {
    const auto flags = *reinterpret_cast<const uint32_t*>(stack + kStackFlagsOffset);
    const auto next_size = *reinterpret_cast<const uint64_t*>(stack + kStackSizeOffset);
    const bool disable = (flags & kStackDisabled) != 0;
    if (!disable && next_size < kSmallest) return -ENOMEM;
    thread.signal_stack = disable ? 0 : *reinterpret_cast<const uint64_t*>(stack);
    thread.signal_stack_size = disable ? 0 : next_size;
  }
  if (stack_old != 0) {
    *reinterpret_cast<uint64_t*>(stack_old) = begin;
    *reinterpret_cast<uint32_t*>(stack_old + kStackFlagsOffset) = size == 0 ? kStackDisabled : 0;
    *reinterpret_cast<uint64_t*>(stack_old + kStackSizeOffset) = size;
  }
  return 0;
}

}  // namespace clemmys::shield
