// calls.h: the system calls, one function each, grouped as their files. Each returns what Linux would: a
// value or -errno.
#pragma once

#include "shield/linux.h"
#include "shield/thread.h"

namespace clemmys::shield {

// memory_calls.cc
void memory_start();
int64_t call_brk(uint64_t end);
int64_t call_mmap(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags, uint64_t descriptor,
                  uint64_t offset);
int64_t call_munmap(uint64_t address, uint64_t size);
int64_t call_mprotect(uint64_t address, uint64_t size, uint64_t protection);
int64_t call_mremap(uint64_t address, uint64_t size_old, uint64_t size_new, uint64_t flags, uint64_t target);
int64_t call_madvise(uint64_t address, uint64_t size, uint64_t advice);
int64_t call_mincore(uint64_t address, uint64_t size, uint64_t vector);
// set_protection is mprotect of mapped pages without its refusals. False: not mapped, or no room to note it.
bool set_protection(uint64_t address, uint64_t size, uint64_t protection);
// handle_page_fault commits the page (and a window around it) when the program or the arena may have it there
// for this access (one of PROT_…).
bool handle_page_fault(Thread& thread, uint64_t address, uint64_t access);
// program_range is whether the program may name [address, address + size) in a call: inside the enclave, not
// the shield's own.
bool program_range(uint64_t address, uint64_t size);

// file_mapping.cc: mmap of a file, as a copy of what it holds now.
int64_t map_file(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags, uint64_t descriptor,
                 uint64_t offset);

// futex.cc
int64_t call_futex(uint64_t address, uint64_t operation, uint64_t value, uint64_t timeout, uint64_t address2,
                   uint64_t value3);
uint64_t futex_wake(uint64_t address, uint64_t count, uint32_t bitset);

// thread_calls.cc
int64_t call_clone(const Registers& registers);
[[noreturn]] void call_exit();
[[noreturn]] void call_exit_group(uint64_t status);
int64_t call_set_tid_address(uint64_t address);
int64_t call_arch_prctl(uint64_t code, uint64_t address);
inline constexpr int16_t kProcessId = 1000;  // and the thread id of the first thread
uint64_t thread_id(const Thread& thread);

// process_options.cc
int64_t call_prctl(uint64_t option, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);

// random.cc
void random_bytes(void* target, uint64_t size);
int64_t call_getrandom(uint64_t buffer, uint64_t size, uint64_t flags);

// identity_calls.cc: what the program learns about itself and its machine
int64_t call_uname(uint64_t buffer);
// data_limit is RLIMIT_DATA in bytes: mmap, brk, mprotect and mremap fail where pages that exist, and pages
// that could come for what is mapped, would be more. So a fault never fails for it.
uint64_t data_limit();
void set_data_limit(uint64_t bytes);
int64_t call_prlimit(uint64_t pid, uint64_t resource, uint64_t limit_new, uint64_t limit_old);
int64_t call_sched_getaffinity(uint64_t pid, uint64_t size, uint64_t mask);
int64_t call_getrusage(uint64_t who, uint64_t usage);
int64_t call_sysinfo(uint64_t info);
int64_t call_getres(uint64_t real, uint64_t effective, uint64_t saved);
int64_t call_getcpu(uint64_t cpu, uint64_t node);

// time_calls.cc
uint64_t monotonic_ns();
uint64_t realtime_ns();
int64_t call_clock_gettime(uint64_t clock, uint64_t time);
int64_t call_clock_getres(uint64_t clock, uint64_t resolution);
int64_t call_gettimeofday(uint64_t time);
int64_t call_time(uint64_t time);
int64_t call_times(uint64_t buffer);
int64_t call_nanosleep(uint64_t clock, uint64_t flags, uint64_t request, uint64_t remain);

// Calls on descriptors, by group. Arguments is rdi, rsi, rdx, r10, r8, r9. False: the number is not of this
// group.
struct Arguments {
  uint64_t value[6];
  uint64_t operator[](int index) const { return value[index]; }
};
bool io_call(uint64_t number, const Arguments& arguments, int64_t* result);      // io_calls.cc
bool file_call(uint64_t number, const Arguments& arguments, int64_t* result);    // file_calls.cc
bool socket_call(uint64_t number, const Arguments& arguments, int64_t* result);  // socket_calls.cc
bool fixed_call(uint64_t number, int64_t* result);                               // fixed_calls.cc
bool event_call(uint64_t number, const Arguments& arguments, int64_t* result);   // event_calls.cc

// select_calls.cc: `sets` are the addresses of the sets to read, to write and urgent; 0: none.
int64_t select_ready(uint64_t count, const uint64_t* sets, uint64_t timeout_ms);

}  // namespace clemmys::shield
