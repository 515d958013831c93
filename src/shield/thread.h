// thread.h: what the shield keeps per TCS, in the slot's data page; the GS base points here while inside.
// Trusted memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sgx/arch.h"
#include "shield/abi.h"
#include "shield/offsets.h"

namespace clemmys::shield {

// Registers is the program's state at a system call, as entry.S pushes it. rcx and r11 are lost, as on Linux.
struct Registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, rflags, r10, r9, r8, rax, rip, rdx, rsi, rdi, rsp;
};

// Level is where one nesting level of this thread left to the host: 0 for calls, 1 inside the exception
// handler.
struct Level {
  uint64_t exit_target, host_rsp, host_rbp, saved_rsp, waiting;
};

inline constexpr uint64_t kThreadNameSize = 16;  // with the NUL, as Linux's TASK_COMM_LEN

struct Thread {
  uint64_t reserved0;
  uint32_t state;  // kThread…; the only word that decides whether a start is allowed
  uint32_t index;  // slot number
  uint64_t program_rsp;
  HostThread* host;                                   // untrusted memory: see host.h
  uint64_t bounce_address, bounce_size, bounce_used;  // copied once at the start
  uint64_t fault_next;                                // end of the last fault window (memory_calls.cc)
  Level levels[2];
  uint64_t fault_previous;  // its begin
  uint64_t fault_window;    // its size in pages
  uint64_t fault_in_vain;   // the last page that faulted though it exists, and how often in a row
  uint64_t fault_in_vain_count;
  uint64_t clear_child_tid;  // address that thread exit clears and wakes, or 0
  uint64_t start_fs;         // FS base of a new thread
  // The wait queue entry of this thread (futex.cc); guarded by its bucket's lock, `woken` is atomic.
  Thread* futex_next;
  uint64_t futex_address;
  uint32_t futex_bitset, futex_woken;
  uint64_t signal_mask, signals;             // blocked; pending for this thread (atomic)
  uint64_t signal_stack, signal_stack_size;  // sigaltstack; 0: none
  uint64_t latest_cpu_ns;                    // CLOCK_THREAD_CPUTIME_ID never goes back
  alignas(64) uint8_t xsave[832];
  Registers start;  // where a new thread begins
  char name[kThreadNameSize];
};

static_assert(sizeof(Thread) <= kPageSize);
static_assert(offsetof(Thread, state) == THREAD_STATE && THREAD_STATE == kThreadStateOffset);
static_assert(offsetof(Thread, program_rsp) == THREAD_PROGRAM_RSP &&
              offsetof(Thread, levels) == THREAD_LEVELS);
static_assert(offsetof(Thread, xsave) == THREAD_XSAVE && sizeof(Level) == LEVEL_SIZE);
static_assert(offsetof(Level, host_rsp) == LEVEL_HOST_RSP && offsetof(Level, host_rbp) == LEVEL_HOST_RBP);
static_assert(offsetof(Level, saved_rsp) == LEVEL_SAVED_RSP && offsetof(Level, waiting) == LEVEL_WAITING);
static_assert(STATE_FREE == kThreadFree && STATE_SPAWNING == kThreadSpawning &&
              STATE_RUNNING == kThreadRunning);
static_assert(ENTRY_START == uint64_t(EntryReason::kStart) && ENTRY_RETURN == uint64_t(EntryReason::kReturn));
static_assert(ENTRY_EXCEPTION == uint64_t(EntryReason::kException) &&
              EXIT_RESUME == uint64_t(ExitReason::kResume));
static_assert(EXIT_THREAD_DONE == uint64_t(ExitReason::kThreadDone) && XFRM == kXfrm);
static_assert(EXCEPTION_STACK_TOP ==
              -int64_t((kSlotDataPage - kSlotExceptionStackPage - kSlotExceptionStackPages) * kPageSize));
static_assert(kSlotStackPage + kSlotStackPages == kSlotDataPage);

#ifdef CLEMMYS_SHIELD_HOSTED  // unit tests: an ordinary process with one Thread per host thread
Thread& self();
Thread& thread_at(uint64_t index);
inline uint64_t enclave_base() { return 0; }
const LayoutPage& layout();
#else
extern "C" [[gnu::visibility("hidden")]] const char __ehdr_start[];  // the linker's: the shield's first byte
inline uint64_t enclave_base() { return reinterpret_cast<uint64_t>(__ehdr_start) - kShieldOffset; }
inline const LayoutPage& layout() {
  return *reinterpret_cast<const LayoutPage*>(enclave_base() + kLayoutOffset);
}
inline Thread& self() {
  Thread* thread;
  asm volatile("rdgsbase %0" : "=r"(thread));
  return *thread;
}
inline uint64_t slot_address(uint64_t index) {
  return enclave_base() + layout().threads_base + index * layout().thread_stride;
}
inline Thread& thread_at(uint64_t index) {
  return *reinterpret_cast<Thread*>(slot_address(index) + kSlotDataPage * kPageSize);
}
#endif

// entry.S
extern "C" void shield_exit_wait(ExitReason reason);
extern "C" [[noreturn]] void shield_exit_final(ExitReason reason);
extern "C" [[noreturn]] void shield_load(Registers* registers);
extern "C" void shield_syscall_entry();

}  // namespace clemmys::shield
