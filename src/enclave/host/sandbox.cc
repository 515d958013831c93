#include "enclave/host/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace clemmys::enclave {
namespace {

// Frequent ones first.
constexpr int kAlways[] = {
    SYS_rt_sigreturn,
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_ioctl,
    SYS_recvfrom,
    SYS_sendto,
    SYS_epoll_wait,
    SYS_sched_yield,
    SYS_epoll_ctl,
    SYS_clock_gettime,
    SYS_close,
    SYS_poll,
    SYS_fstat,
    SYS_lseek,
    SYS_pread64,
    SYS_pwrite64,
    SYS_dup,
    SYS_munmap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_sigaltstack,
    SYS_sched_getaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_getrandom,
    SYS_clock_nanosleep,
    SYS_restart_syscall,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_pipe2,
    SYS_epoll_create1,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_arch_prctl,
};
constexpr int kNetwork[] = {SYS_socket, SYS_socketpair, SYS_connect,     SYS_bind,
                            SYS_listen, SYS_accept4,    SYS_getsockname, SYS_getpeername};
constexpr int kFiles[] = {
    SYS_openat,    SYS_newfstatat, SYS_getdents64, SYS_renameat2, SYS_unlinkat,  SYS_mkdirat,
    SYS_fchmodat,  SYS_faccessat,  SYS_fchmod,     SYS_fsync,     SYS_fdatasync, SYS_ftruncate,
    SYS_fallocate, SYS_flock,      SYS_utimensat,  SYS_sync,
};

// PR_SET_NAME; PR_SET_SYSCALL_USER_DISPATCH (software SGX, per thread); PR_SET_VMA (malloc names its areas).
constexpr int kProcessOptions[] = {PR_SET_NAME, 59, 0x53564d41};
// F_SETOWN and its like, which send signals to others, are not among them.
constexpr int kDescriptorCommands[] = {F_GETFD, F_SETFD,     F_GETFL,     F_SETFL,
                                       F_SETLK, F_SETLKW,    F_OFD_SETLK, F_OFD_SETLKW,
                                       F_GETLK, F_OFD_GETLK, F_DUPFD,     F_DUPFD_CLOEXEC};

constexpr sock_filter kAllow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
constexpr sock_filter kRefuse = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
constexpr sock_filter kKill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);

class Filter {
 public:
  Filter() {
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    add(kKill);  // 32-bit calls have other numbers
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  }
  void allow(int number) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
    add(kAllow);
  }
  template <std::size_t N>
  void allow(const int (&numbers)[N]) {
    for (const int number : numbers) allow(number);
  }
  // allow_argument allows a call for one value of an argument's lower half.
  void allow_argument(int number, unsigned argument, unsigned value) {
    test_argument(number, argument, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
  }
  // allow_with_bit allows a call when its first argument has that bit.
  void allow_with_bit(int number, unsigned bit) {
    test_argument(number, 0, BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bit, 0, 1));
  }
  // allow_unless allows a call except when an argument has both bits.
  void allow_unless(int number, unsigned argument, unsigned one, unsigned other) {
    const auto offset = static_cast<unsigned>(offsetof(seccomp_data, args) + argument * sizeof(__u64));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 5));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, one, 0, 2));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, other, 0, 1));
    add(kRefuse);
    add(kAllow);
  }
  void refuse_as_unknown(int number) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  bool install() {
    add(kRefuse);
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  // test_argument: seccomp_data holds arguments as 64-bit little-endian words; the kernel reads these in
  // their lower half only. A value that does not fit goes on to the next rule, with the number loaded again.
  void test_argument(int number, unsigned argument, sock_filter test) {
    const auto offset = static_cast<unsigned>(offsetof(seccomp_data, args) + argument * sizeof(__u64));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 4));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
    add(test);
    add(kAllow);
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  }
  void add(sock_filter instruction) { code_.push_back(instruction); }
  std::vector<sock_filter> code_;
};

}  // namespace

Status confine(const SandboxTerms& terms) {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return Error{ErrorCode::kInternal, "host.sandbox.limits"};
  }
  Filter filter;
  filter.allow(kAlways);
  // Shared memory without a file stays when MADV_DONTNEED unmaps it: it would be held and not be resident,
  // and the invoker would not see it. MAP_SHARED's bit is MAP_SHARED_VALIDATE's, too.
  filter.allow_unless(SYS_mmap, 3, MAP_SHARED, MAP_ANONYMOUS);
  filter.allow_with_bit(SYS_clone, CLONE_THREAD);
  filter.refuse_as_unknown(
      SYS_clone3);  // its flags lie in memory, out of a filter's sight: libc then uses clone
  filter.allow_argument(SYS_tgkill, 0, static_cast<unsigned>(getpid()));
  for (const int option : kProcessOptions) filter.allow_argument(SYS_prctl, 0, static_cast<unsigned>(option));
  for (const int command : kDescriptorCommands)
    filter.allow_argument(SYS_fcntl, 1, static_cast<unsigned>(command));
  if (terms.network) {
    filter.allow(kNetwork);
  } else if (terms.quoting) {
    filter.allow_argument(SYS_socket, 0, AF_UNIX);
    filter.allow(SYS_connect);
  }
  if (terms.files) filter.allow(kFiles);
  if (!filter.install())
    return Error{ErrorCode::kUnsupported, "host.sandbox.seccomp", "the kernel has no seccomp filters"};
  return {};
}

}  // namespace clemmys::enclave
