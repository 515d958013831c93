// Threads are TCS slots. A slot is claimed inside (state kThreadSpawning) before the host hears of it, so the
// host can start each thread once and only where the program asked for it.
#include <asm/prctl.h>
#include <linux/sched.h>

#include "shield/calls.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"
#include "shield/slots.h"

namespace clemmys::shield {
namespace {

Lock lock;             // claiming a slot
uint64_t running = 1;  // threads that have not ended

// States between the ones that entry.S knows: no start is allowed in either.
constexpr uint32_t kClaimed = 3;  // the record is being filled
constexpr uint32_t kEnding = 4;   // the joiner may know already, the slot is about to be free

Thread* try_claim_slot(bool* one_is_ending) {
  Guard guard(lock);
  for (uint64_t index = 0; index < slots_made() || (!*one_is_ending && make_slot()); ++index) {
    Thread& thread = thread_at(index);
    uint32_t state = kThreadFree;
    if (__atomic_compare_exchange_n(&thread.state, &state, kClaimed, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
      thread.index = static_cast<uint32_t>(index);
      return &thread;
    }
    *one_is_ending |= state == kEnding;
  }
  return nullptr;
}

// claim_slot waits for a slot that is about to be free: who has joined a thread may start the next.
Thread* claim_slot() {
  for (;;) {
    bool one_is_ending = false;
    Thread* thread = try_claim_slot(&one_is_ending);
    if (thread != nullptr || !one_is_ending) return thread;
    yield_to_host();
  }
}

}  // namespace

uint64_t thread_id(const Thread& thread) { return kProcessId + thread.index; }

int64_t call_clone(const Registers& registers) {
  const uint64_t flags = registers.rdi, parent_tid = registers.rdx, child_tid = registers.r10;
  constexpr uint64_t kNeeded = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_SETTLS;
  if ((flags & kNeeded) != kNeeded) {
    say("clone: an enclave has no child processes; flags", flags);
    return -ENOSYS;
  }
  const bool tells_parent = (flags & CLONE_PARENT_SETTID) != 0,
             tells_child = (flags & CLONE_CHILD_SETTID) != 0;
  if ((tells_parent && !program_range(parent_tid, 4)) || (tells_child && !program_range(child_tid, 4)))
    return -EFAULT;
  Thread* thread = claim_slot();
  if (thread == nullptr) {
    say("clone: all thread slots are in use:", layout().thread_count);
    return -EAGAIN;
  }
  thread->start = registers;
  thread->start.rax = 0;
  thread->start.rsp = registers.rsi;
  thread->start_fs = registers.r8;
  thread->clear_child_tid = (flags & CLONE_CHILD_CLEARTID) != 0 ? child_tid : 0;
  thread->fault_next = thread->fault_previous = 0;
  thread->latest_cpu_ns = 0;
  thread->signal_mask = self().signal_mask;
  memcpy(thread->name, self().name, sizeof thread->name);
  thread->signals = thread->signal_stack = thread->signal_stack_size = 0;
  const uint64_t id = thread_id(*thread);
  if (tells_parent) *reinterpret_cast<uint32_t*>(parent_tid) = static_cast<uint32_t>(id);
  if (tells_child) *reinterpret_cast<uint32_t*>(child_tid) = static_cast<uint32_t>(id);
  __atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
  const uint64_t index = thread->index;
  __atomic_store_n(&thread->state, kThreadSpawning, __ATOMIC_RELEASE);
  // After a refusal nobody knows whether it was started.
  refuse_if(call(OwnCall::kSpawnThread, 0, index) != 0, "clone.spawn");
  return static_cast<int64_t>(id);
}

void call_exit() {
  Thread& thread = self();
  __atomic_store_n(&thread.state, kEnding, __ATOMIC_RELEASE);
  if (thread.clear_child_tid != 0 && program_range(thread.clear_child_tid, 4)) {
    __atomic_store_n(reinterpret_cast<uint32_t*>(thread.clear_child_tid), 0, __ATOMIC_SEQ_CST);
    futex_wake(thread.clear_child_tid, 1, ~0u);
  }
  if (__atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL) == 0) call_exit_group(0);
  shield_exit_final(ExitReason::kThreadDone);
}

void call_exit_group(uint64_t status) {
  volatile HostCall& block = self().host->call;
  block.number = __NR_exit_group;
  block.arguments[0] = status & 0xff;
  shield_exit_final(ExitReason::kProcessDone);
}

int64_t call_set_tid_address(uint64_t address) {
  self().clear_child_tid = address;
  return static_cast<int64_t>(thread_id(self()));
}

int64_t call_arch_prctl(uint64_t code, uint64_t address) {
  uint64_t value;
  switch (code) {
    case ARCH_SET_FS:
      asm volatile("wrfsbase %0" : : "r"(address));
      return 0;
    case ARCH_GET_FS:
      if (!program_range(address, 8)) return -EFAULT;
      asm volatile("rdfsbase %0" : "=r"(value));
      *reinterpret_cast<uint64_t*>(address) = value;
      return 0;
    default:
      return -EINVAL;  // GS is the shield's; CET is not offered
  }
}

}  // namespace clemmys::shield
