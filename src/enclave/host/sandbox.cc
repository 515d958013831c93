#include "enclave/host/sandbox.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

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
    SYS_fcntl,
    SYS_dup,
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_clone,
    SYS_clone3,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_sigaltstack,
    SYS_prctl,
    SYS_sched_getaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_tgkill,
    SYS_getrandom,
    SYS_clock_nanosleep,
    SYS_restart_syscall,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_pipe2,
    SYS_epoll_create1,
    SYS_connect,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_arch_prctl,
};
constexpr int kNetwork[] = {SYS_socket,  SYS_socketpair,  SYS_bind,       SYS_listen,
                            SYS_accept4, SYS_getsockname, SYS_getpeername};
constexpr int kFiles[] = {
    SYS_openat,    SYS_newfstatat, SYS_getdents64, SYS_renameat2, SYS_unlinkat,
    SYS_mkdirat,   SYS_fchmodat,   SYS_faccessat,  SYS_fchmod,    SYS_fsync,
    SYS_fdatasync, SYS_ftruncate,  SYS_fallocate,  SYS_flock,     SYS_utimensat,
};

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
  void allow_first_argument(int number, unsigned value) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 4));
    add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)));
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    add(kAllow);
    add(kRefuse);
  }
  bool install() {
    add(kRefuse);
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
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
  if (terms.network)
    filter.allow(kNetwork);
  else
    filter.allow_first_argument(SYS_socket, AF_UNIX);
  if (terms.files) filter.allow(kFiles);
  if (!filter.install())
    return Error{ErrorCode::kUnsupported, "host.sandbox.seccomp", "the kernel has no seccomp filters"};
  return {};
}

}  // namespace clemmys::enclave
