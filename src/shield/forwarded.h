// forwarded.h: every Linux call that leaves the enclave, with the places of its pointers. One list for all:
// what is not here is not passed on by the shield (host.cc), not made by the host (enclave/host/serve.cc),
// has no hostile-answer test (hostile/), and no line in docs/host-surface.md; what is here must have all
// four.
#pragma once

#include "shield/abi.h"
#include "shield/linux.h"

namespace clemmys::shield {

// Pointer says that argument `argument` points to memory: `size` bytes, or as many as argument
// `size_argument` says times `size`. A path is NUL-terminated. Null is allowed where `optional`.
struct Pointer {
  int argument = -1;
  uint32_t size = 0;
  int size_argument = -1;
  bool path = false, optional = false;
};

struct Forwarded {
  uint64_t number;
  const char* name;
  Pointer pointers[3];
};

namespace forwarded_internal {

constexpr Pointer fixed(int argument, uint32_t size) { return {argument, size}; }
constexpr Pointer optional(int argument, uint32_t size) { return {argument, size, -1, false, true}; }
constexpr Pointer sized(int argument, int size_argument, uint32_t unit = 1) {
  return {argument, unit, size_argument};
}
constexpr Pointer optional_path(int argument) { return {argument, 0, -1, true, true}; }
constexpr Pointer path(int argument) { return {argument, 0, -1, true}; }
inline constexpr uint32_t kAddress = 128, kStat = 144, kTimer = 32, kEpollEvent = 12, kPollFd = 8;

// clang-format off
inline constexpr Forwarded kForwarded[] = {
    {__NR_read, "read", {sized(1, 2)}}, {__NR_write, "write", {sized(1, 2)}},
    {__NR_pread64, "pread64", {sized(1, 2)}}, {__NR_pwrite64, "pwrite64", {sized(1, 2)}},
    {__NR_close, "close", {}}, {__NR_dup, "dup", {}}, {__NR_pipe2, "pipe2", {fixed(0, 8)}},
    {__NR_fcntl, "fcntl", {}}, {__NR_ioctl, "ioctl", {fixed(2, 4)}}, {__NR_lseek, "lseek", {}},
    {__NR_openat, "openat", {path(1)}}, {__NR_fstat, "fstat", {fixed(1, kStat)}},
    {__NR_newfstatat, "newfstatat", {path(1), fixed(2, kStat)}}, {__NR_getdents64, "getdents64", {sized(1, 2)}},
    {__NR_fsync, "fsync", {}}, {__NR_fdatasync, "fdatasync", {}}, {__NR_sync, "sync", {}}, {__NR_ftruncate, "ftruncate", {}},
    {__NR_fallocate, "fallocate", {}}, {__NR_fchmod, "fchmod", {}}, {__NR_flock, "flock", {}},
    {__NR_renameat2, "renameat2", {path(1), path(3)}}, {__NR_unlinkat, "unlinkat", {path(1)}},
    {__NR_mkdirat, "mkdirat", {path(1)}}, {__NR_fchmodat, "fchmodat", {path(1)}}, {__NR_faccessat, "faccessat", {path(1)}},
    {__NR_utimensat, "utimensat", {optional_path(1), optional(2, 32)}},
    {__NR_socket, "socket", {}}, {__NR_socketpair, "socketpair", {fixed(3, 8)}},
    {__NR_bind, "bind", {sized(1, 2)}}, {__NR_connect, "connect", {sized(1, 2)}}, {__NR_listen, "listen", {}},
    {__NR_accept4, "accept4", {optional(1, kAddress), optional(2, 4)}}, {__NR_shutdown, "shutdown", {}},
    {__NR_getsockname, "getsockname", {fixed(1, kAddress), fixed(2, 4)}},
    {__NR_getpeername, "getpeername", {fixed(1, kAddress), fixed(2, 4)}},
    {__NR_setsockopt, "setsockopt", {sized(3, 4)}}, {__NR_getsockopt, "getsockopt", {optional(3, 1), fixed(4, 4)}},
    {__NR_sendto, "sendto", {sized(1, 2), optional(4, kAddress)}},
    {__NR_recvfrom, "recvfrom", {sized(1, 2), optional(4, kAddress), optional(5, 4)}},
    {__NR_epoll_create1, "epoll_create1", {}}, {__NR_epoll_ctl, "epoll_ctl", {fixed(3, kEpollEvent)}},
    {__NR_epoll_wait, "epoll_wait", {sized(1, 2, kEpollEvent)}}, {__NR_poll, "poll", {sized(0, 1, kPollFd)}},
    {__NR_eventfd2, "eventfd2", {}}, {__NR_timerfd_create, "timerfd_create", {}},
    {__NR_timerfd_settime, "timerfd_settime", {fixed(2, kTimer), fixed(3, kTimer)}},
    {__NR_timerfd_gettime, "timerfd_gettime", {fixed(1, kTimer)}},
    {__NR_clock_gettime, "clock_gettime", {fixed(1, 16)}}, {__NR_sched_yield, "sched_yield", {}},
    {__NR_sched_getaffinity, "sched_getaffinity", {sized(2, 1)}},
};
// clang-format on

}  // namespace forwarded_internal

// kForwarded. fcntl's pointer is there for locks only; the host looks at the command (serve.cc).
using forwarded_internal::kForwarded;

// is_forwarded is whether a Linux call may leave: one bit per number, so that asking costs nothing.
constexpr bool is_forwarded(uint64_t number) {
  constexpr uint64_t kNumbersMax = 512;
  struct Bits {
    uint64_t word[kNumbersMax / 64];
  };
  static constexpr Bits kBits = [] {
    Bits bits{};
    for (const Forwarded& call : kForwarded) bits.word[call.number / 64] |= 1ull << (call.number % 64);
    return bits;
  }();
  return number < kNumbersMax && (kBits.word[number / 64] >> (number % 64) & 1) != 0;
}

// never_sleeps is whether a worker may serve the call for a thread that waits (exitless.h): not what may take
// as long as somebody else likes. (A descriptor may be blocking all the same: then the thread leaves, and
// waits for the worker outside.) `timeout` is the fourth argument.
constexpr bool never_sleeps(uint64_t number, uint64_t timeout) {
  switch (number) {
    case __NR_epoll_wait:
      return timeout == 0;
    case __NR_read:
    case __NR_write:
    case __NR_pread64:
    case __NR_pwrite64:
    case __NR_sendto:
    case __NR_recvfrom:
    case __NR_accept4:
    case __NR_close:
    case __NR_epoll_ctl:
    case __NR_timerfd_settime:
    case __NR_clock_gettime:
    case __NR_setsockopt:
    case __NR_getsockopt:
    case __NR_ioctl:
      return true;
    default:
      return false;
  }
}

struct NamedOwnCall {
  OwnCall call;
  const char* name;
};
// kOwnCalls is every call of our own; kPanic has no answer.
inline constexpr NamedOwnCall kOwnCalls[] = {
    {OwnCall::kAugment, "augment"},
    {OwnCall::kTrim, "trim"},
    {OwnCall::kRemove, "remove"},
    {OwnCall::kMakeTcs, "make_tcs"},
    {OwnCall::kRestrict, "restrict"},
    {OwnCall::kSpawnThread, "spawn_thread"},
    {OwnCall::kPark, "park"},
    {OwnCall::kUnpark, "unpark"},
    {OwnCall::kCpuid, "cpuid"},
    {OwnCall::kQuote, "quote"},
    {OwnCall::kTargetInfo, "target_info"},
};

}  // namespace clemmys::shield
