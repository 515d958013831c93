// syscall.cc: the table. Runs at level 0 on the thread's shield stack, entered from a trampoline or from a
// trapped `syscall` alike (entry.S).
#include "shield/call_names.h"
#include "shield/calls.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"
#include "shield/signals.h"

namespace clemmys::shield {
namespace {

bool memory_call(uint64_t number, const Arguments& a, int64_t* result) {
  // clang-format off
  switch (number) {
    case __NR_brk: *result = call_brk(a[0]); return true;
    case __NR_mmap: *result = call_mmap(a[0], a[1], a[2], a[3], a[4], a[5]); return true;
    case __NR_munmap: *result = call_munmap(a[0], a[1]); return true;
    case __NR_mprotect: *result = call_mprotect(a[0], a[1], a[2]); return true;
    case __NR_mremap: *result = call_mremap(a[0], a[1], a[2], a[3], a[4]); return true;
    case __NR_madvise: *result = call_madvise(a[0], a[1], a[2]); return true;
    case __NR_mincore: *result = call_mincore(a[0], a[1], a[2]); return true;
    default: return false;
  }
  // clang-format on
}

bool thread_call(uint64_t number, const Arguments& a, const Registers& registers, int64_t* result) {
  // clang-format off
  switch (number) {
    case __NR_futex: *result = call_futex(a[0], a[1], a[2], a[3], a[4], a[5]); return true;
    case __NR_clone: *result = call_clone(registers); return true;
    case __NR_exit: call_exit();
    case __NR_exit_group: call_exit_group(a[0]);
    case __NR_set_tid_address: *result = call_set_tid_address(a[0]); return true;
    case __NR_arch_prctl: *result = call_arch_prctl(a[0], a[1]); return true;
    case __NR_prctl: *result = call_prctl(a[0], a[1], a[2], a[3], a[4]); return true;
    case __NR_gettid: *result = static_cast<int64_t>(thread_id(self())); return true;
    case __NR_getpid: *result = static_cast<int64_t>(thread_id(thread_at(0))); return true;
    case __NR_sched_yield: yield_to_host(); *result = 0; return true;
    case __NR_sched_getaffinity: *result = call_sched_getaffinity(a[0], a[1], a[2]); return true;
    case __NR_kill: *result = call_kill(a[0], a[1]); return true;
    case __NR_tgkill: *result = call_tgkill(a[0], a[1], a[2]); return true;
    case __NR_tkill: *result = call_tgkill(kProcessId, a[0], a[1]); return true;
    case __NR_rt_sigreturn: return_from_signal(registers);
    case __NR_rt_sigpending: *result = call_rt_sigpending(a[0], a[1]); return true;
    case __NR_rt_sigaction: *result = call_rt_sigaction(a[0], a[1], a[2], a[3]); return true;
    case __NR_rt_sigprocmask: *result = call_rt_sigprocmask(a[0], a[1], a[2], a[3]); return true;
    case __NR_sigaltstack: *result = call_sigaltstack(a[0], a[1]); return true;
    default: return false;
  }
  // clang-format on
}

bool identity_call(uint64_t number, const Arguments& a, int64_t* result) {
  // clang-format off
  switch (number) {
    case __NR_getrandom: *result = call_getrandom(a[0], a[1], a[2]); return true;
    case __NR_uname: *result = call_uname(a[0]); return true;
    case __NR_prlimit64: *result = call_prlimit(a[0], a[1], a[2], a[3]); return true;
    case __NR_getrlimit: *result = call_prlimit(0, a[0], 0, a[1]); return true;
    case __NR_setrlimit: *result = call_prlimit(0, a[0], a[1], 0); return true;
    case __NR_getrusage: *result = call_getrusage(a[0], a[1]); return true;
    case __NR_sysinfo: *result = call_sysinfo(a[0]); return true;
    case __NR_getresuid:
    case __NR_getresgid: *result = call_getres(a[0], a[1], a[2]); return true;
    case __NR_times: *result = call_times(a[0]); return true;
    case __NR_getcpu: *result = call_getcpu(a[0], a[1]); return true;
    case __NR_clock_gettime: *result = call_clock_gettime(a[0], a[1]); return true;
    case __NR_clock_getres: *result = call_clock_getres(a[0], a[1]); return true;
    case __NR_gettimeofday: *result = call_gettimeofday(a[0]); return true;
    case __NR_time: *result = call_time(a[0]); return true;
    case __NR_nanosleep: *result = call_nanosleep(1, 0, a[0], a[1]); return true;
    case __NR_clock_nanosleep: *result = call_nanosleep(a[0], a[1], a[2], a[3]); return true;
    default: return false;
  }
  // clang-format on
}

}  // namespace

extern "C" void shield_syscall(Registers* registers) {
  const uint64_t number = registers->rax;
  const Arguments a{
      {registers->rdi, registers->rsi, registers->rdx, registers->r10, registers->r8, registers->r9}};
  int64_t result = -ENOSYS;
  if (!thread_call(number, a, *registers, &result) && !io_call(number, a, &result) &&
      !event_call(number, a, &result) && !socket_call(number, a, &result) &&
      !memory_call(number, a, &result) && !identity_call(number, a, &result) &&
      !file_call(number, a, &result) && !fixed_call(number, &result)) {
    say("system call that the shield does not know:", number, call_name(number));
  }
  registers->rax = static_cast<uint64_t>(result);
  if (signal_waits(self())) deliver_signals(*registers);
}

}  // namespace clemmys::shield
