// Calls whose answer is always the same: what an enclave is as a process, and what it does not offer. A
// refusal is the one that a Linux without this feature, or without the permission, would give, so that C
// libraries take their other way.
#include "shield/calls.h"

namespace clemmys::shield {
namespace {

struct Answer {
  uint16_t number;
  int16_t result;
};

// clang-format off
constexpr Answer kAnswers[] = {
    // One user, one process, no session.
    {__NR_getuid, 0}, {__NR_geteuid, 0}, {__NR_getgid, 0}, {__NR_getegid, 0}, {__NR_getppid, 0}, {__NR_getgroups, 0},
    {__NR_getpgrp, kProcessId}, {__NR_getpgid, kProcessId}, {__NR_getsid, kProcessId}, {__NR_setpgid, 0}, {__NR_setsid, -EPERM},
    {__NR_setuid, -EPERM}, {__NR_setgid, -EPERM}, {__NR_setresuid, -EPERM}, {__NR_setresgid, -EPERM}, {__NR_setgroups, -EPERM},
    {__NR_personality, 0}, {__NR_capget, -EPERM}, {__NR_capset, -EPERM},
    // Scheduling is the host's.
    {__NR_getpriority, 20}, {__NR_setpriority, 0}, {__NR_sched_getscheduler, 0}, {__NR_sched_setscheduler, -EPERM},
    {__NR_sched_get_priority_max, 0}, {__NR_sched_get_priority_min, 0}, {__NR_sched_setaffinity, 0}, {__NR_setrlimit, -EPERM},
    // Enclave pages are never seen in the clear anywhere else; glibc works without the others.
    {__NR_mlock, 0}, {__NR_munlock, 0}, {__NR_mlockall, 0}, {__NR_munlockall, 0}, {__NR_msync, 0}, {__NR_membarrier, -ENOSYS},
    {__NR_set_robust_list, 0}, {__NR_rseq, -ENOSYS}, {__NR_clone3, -ENOSYS}, {__NR_statx, -ENOSYS}, {__NR_epoll_ctl_old, -ENOSYS},
    {__NR_copy_file_range, -ENOSYS}, {__NR_sendfile, -ENOSYS}, {__NR_splice, -ENOSYS}, {__NR_close_range, -ENOSYS},
    {__NR_recvmmsg, -ENOSYS}, {__NR_sendmmsg, -ENOSYS}, {__NR_io_uring_setup, -ENOSYS}, {__NR_inotify_init1, -ENOSYS},
    {__NR_statfs, -ENOSYS}, {__NR_fstatfs, -ENOSYS}, {__NR_fadvise64, 0}, {__NR_readahead, 0},
    // No child ever exists.
    {__NR_wait4, -ECHILD}, {__NR_waitid, -ECHILD},
    // No links, no owners but one, no extended attributes.
    {__NR_symlink, -EPERM}, {__NR_symlinkat, -EPERM}, {__NR_link, -EPERM}, {__NR_linkat, -EPERM}, {__NR_mknod, -EPERM},
    {__NR_mknodat, -EPERM}, {__NR_getxattr, -EOPNOTSUPP}, {__NR_lgetxattr, -EOPNOTSUPP}, {__NR_fgetxattr, -EOPNOTSUPP},
    {__NR_listxattr, -EOPNOTSUPP}, {__NR_llistxattr, -EOPNOTSUPP}, {__NR_flistxattr, -EOPNOTSUPP}, {__NR_setxattr, -EOPNOTSUPP},
    {__NR_fsetxattr, -EOPNOTSUPP}, {__NR_lsetxattr, -EOPNOTSUPP},
    // No signal comes by itself: nothing would end these.
    {__NR_alarm, -ENOSYS}, {__NR_setitimer, -ENOSYS}, {__NR_timer_create, -ENOSYS}, {__NR_pause, -ENOSYS},
    {__NR_rt_sigsuspend, -ENOSYS}, {__NR_rt_sigtimedwait, -ENOSYS}, {__NR_signalfd4, -ENOSYS},
};
// clang-format on

}  // namespace

bool fixed_call(uint64_t number, int64_t* result) {
  for (const Answer& answer : kAnswers) {
    if (answer.number != number) continue;
    *result = answer.result;
    return true;
  }
  return false;
}

}  // namespace clemmys::shield
