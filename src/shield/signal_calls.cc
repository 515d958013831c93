// Signals: recorded, never delivered. Nobody outside can send one in; faults end the process. Writing to a
// closed socket gives EPIPE alone, as if SIGPIPE were ignored (socket_calls.cc sends with MSG_NOSIGNAL).
#include "shield/calls.h"
#include "shield/memory.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kSignals = 64, kActionSize = 32, kStackSize = 24;

uint8_t actions[kSignals][kActionSize];

}  // namespace

int64_t call_rt_sigaction(uint64_t signal, uint64_t action, uint64_t action_old, uint64_t set_size) {
  if (signal == 0 || signal > kSignals || set_size != 8) return -EINVAL;
  if ((action != 0 && !program_range(action, kActionSize)) ||
      (action_old != 0 && !program_range(action_old, kActionSize))) {
    return -EFAULT;
  }
  if (action_old != 0) memcpy(reinterpret_cast<void*>(action_old), actions[signal - 1], kActionSize);
  if (action != 0) memcpy(actions[signal - 1], reinterpret_cast<const void*>(action), kActionSize);
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
    thread.signal_mask = how == 0 ? before | value : how == 1 ? before & ~value : value;
  }
  if (set_old != 0) *reinterpret_cast<uint64_t*>(set_old) = before;
  return 0;
}

int64_t call_sigaltstack(uint64_t, uint64_t stack_old) {
  if (stack_old == 0) return 0;
  if (!program_range(stack_old, kStackSize)) return -EFAULT;
  memset(reinterpret_cast<void*>(stack_old), 0, kStackSize);
  *reinterpret_cast<uint32_t*>(stack_old + 8) = 2;  // SS_DISABLE
  return 0;
}

}  // namespace clemmys::shield
