// interpose_syscall.cc: syscall(2), by which programs call the kernel past the functions of the C library.
// Calls that those functions serve here go to them; all others are the C library's.
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "softsgx/host_access.h"
#include "softsgx/run/files.h"
#include "softsgx/run/next.h"
#include "softsgx/run/paths.h"

// The functions that are linked with --wrap, as the program sees them.
extern "C" {
int __real_close(int);
ssize_t __real_read(int, void*, size_t);
ssize_t __real_write(int, const void*, size_t);
ssize_t __real_pread(int, void*, size_t, off_t);
ssize_t __real_pwrite(int, const void*, size_t, off_t);
void* __real_mmap(void*, size_t, int, int, int, off_t);
int __real_munmap(void*, size_t);
int __real_mprotect(void*, size_t, int);
int __real_madvise(void*, size_t, int);
int __real_sigaction(int, const struct sigaction*, struct sigaction*);
int __real_sigaltstack(const stack_t*, stack_t*);
long __wrap_syscall(long number, ...);
}

namespace clemmys::softsgx {
namespace {

constexpr std::array kOurs = {
    SYS_open,      SYS_openat,       SYS_close,          SYS_ioctl,       SYS_mmap,        SYS_munmap,
    SYS_fork,      SYS_openat2,      SYS_faccessat2,     SYS_readlink,    SYS_readlinkat,  SYS_mprotect,
    SYS_madvise,   SYS_mremap,       SYS_stat,           SYS_fstat,       SYS_lstat,       SYS_newfstatat,
    SYS_statx,     SYS_read,         SYS_write,          SYS_pread64,     SYS_pwrite64,    SYS_access,
    SYS_faccessat, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_sigaltstack, SYS_close_range, SYS_pkey_mprotect,
    SYS_ftruncate, SYS_fallocate,    SYS_fsync,          SYS_fdatasync,
};

// KernelAction is struct sigaction as the kernel has it.
struct KernelAction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  std::uint64_t mask;
};

int signal_action(int number, const KernelAction* wanted, KernelAction* old) {
  struct sigaction before{}, action{};
  if (wanted != nullptr) {
    action.sa_handler = wanted->handler;
    action.sa_flags = static_cast<int>(wanted->flags & ~0x04000000ul);  // SA_RESTORER: the C library's
    std::memcpy(&action.sa_mask, &wanted->mask, sizeof wanted->mask);
  }
  const int result = __real_sigaction(number, wanted != nullptr ? &action : nullptr, &before);
  if (result != 0 || old == nullptr) return result;
  *old = {.handler = before.sa_handler,
          .flags = static_cast<unsigned long>(before.sa_flags),
          .restorer = before.sa_restorer,
          .mask = 0};
  std::memcpy(&old->mask, &before.sa_mask, sizeof old->mask);
  return 0;
}

int signal_mask(int how, const std::uint64_t* wanted, std::uint64_t* old) {
  sigset_t set, before;
  ::sigemptyset(&set);
  if (wanted != nullptr) std::memcpy(&set, wanted, sizeof *wanted);
  if (::sigprocmask(how, wanted != nullptr ? &set : nullptr, &before) != 0) return -1;
  if (old != nullptr) std::memcpy(old, &before, sizeof *old);
  return 0;
}

template <typename T>
T* pointer(long value) {
  return reinterpret_cast<T*>(value);
}

// open_2 is openat2: of its terms only the flags matter to a node.
long open_2(int dirfd, const char* path, long terms, long size) {
  open_how how{};
  if (Files::node_of(absolute_path(dirfd, path)) == Node::kNone || size < static_cast<long>(sizeof how) ||
      !copy_user(&how, pointer<const void>(terms), sizeof how))
    return __wrap_syscall(SYS_openat2, dirfd, path, terms, size, 0, 0);
  return ::openat(dirfd, path, static_cast<int>(how.flags), 0);
}

bool is_node(long fd) { return files().any() && files().node(static_cast<int>(fd)) != Node::kNone; }

// is_plain says of a call on a file that no SGX machine has it otherwise: it goes to the kernel by its own
// number, not by the one that the C library would choose (a sandbox may know only the first).
bool is_plain(long number, long a, long b) {
  long path = 0;
  switch (number) {
    case SYS_fstat:
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_fsync:
    case SYS_fdatasync:
      return !is_node(a);
    case SYS_open:
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
      path = a;
      break;
    case SYS_openat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_openat2:
      path = b;
      break;
    default:
      return false;
  }
  const auto* name = pointer<const char>(path);
  if (name == nullptr || (*name == 0 && !is_node(a))) return true;
  return *name != 0 && std::strstr(name, "sgx") == nullptr && std::strncmp(name, "/proc/", 6) != 0;
}

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

extern "C" {

void* softsgx_syscall = nullptr;  // the C library's

bool softsgx_is_ours(long number) {
  if (softsgx_syscall == nullptr) softsgx_syscall = next_function("syscall");
  return std::ranges::find(kOurs, number) != kOurs.end();
}

long softsgx_own_syscall(long number, long a, long b, long c, long d, long e, long f) {
  const auto ia = static_cast<int>(a), ib = static_cast<int>(b), ic = static_cast<int>(c),
             id = static_cast<int>(d);
  const auto size = static_cast<std::size_t>(b);
  if (is_plain(number, a, b)) return __wrap_syscall(number, a, b, c, d, e, f);
  switch (number) {
    case SYS_open:
      return ::open(pointer<const char>(a), ib, static_cast<mode_t>(c));
    case SYS_openat:
      return ::openat(ia, pointer<const char>(b), ic, static_cast<mode_t>(d));
    case SYS_close:
      return __real_close(ia);
    case SYS_close_range:
      return ::close_range(static_cast<unsigned>(a), static_cast<unsigned>(b), ic);
    case SYS_ioctl:
      return ::ioctl(ia, static_cast<unsigned long>(b), pointer<void>(c));
    case SYS_read:
      return __real_read(ia, pointer<void>(b), static_cast<std::size_t>(c));
    case SYS_write:
      return __real_write(ia, pointer<const void>(b), static_cast<std::size_t>(c));
    case SYS_pread64:
      return __real_pread(ia, pointer<void>(b), static_cast<std::size_t>(c), d);
    case SYS_pwrite64:
      return __real_pwrite(ia, pointer<const void>(b), static_cast<std::size_t>(c), d);
    case SYS_mmap:
      return reinterpret_cast<long>(__real_mmap(pointer<void>(a), size, ic, id, static_cast<int>(e), f));
    case SYS_munmap:
      return __real_munmap(pointer<void>(a), size);
    case SYS_mprotect:
      return __real_mprotect(pointer<void>(a), size, ic);
    case SYS_pkey_mprotect:
      return ::pkey_mprotect(pointer<void>(a), size, ic, id);
    case SYS_madvise:
      return __real_madvise(pointer<void>(a), size, ic);
    case SYS_mremap:
      return reinterpret_cast<long>(
          ::mremap(pointer<void>(a), size, static_cast<std::size_t>(c), id, pointer<void>(e)));
    case SYS_stat:
      return ::stat(pointer<const char>(a), pointer<struct stat>(b));
    case SYS_fstat:
      return ::fstat(ia, pointer<struct stat>(b));
    case SYS_ftruncate:
      return ::ftruncate(ia, b);
    case SYS_fallocate:
      return ::fallocate(ia, ib, c, d);
    case SYS_fsync:
      return ::fsync(ia);
    case SYS_fdatasync:
      return ::fdatasync(ia);
    case SYS_lstat:
      return ::lstat(pointer<const char>(a), pointer<struct stat>(b));
    case SYS_newfstatat:
      return ::fstatat(ia, pointer<const char>(b), pointer<struct stat>(c), id);
    case SYS_statx:
      return ::statx(ia, pointer<const char>(b), ic, static_cast<unsigned>(d), pointer<struct statx>(e));
    case SYS_access:
      return ::access(pointer<const char>(a), ib);
    case SYS_faccessat:
      return ::faccessat(ia, pointer<const char>(b), ic, 0);
    case SYS_faccessat2:
      return ::faccessat(ia, pointer<const char>(b), ic, id);
    case SYS_openat2:
      return open_2(ia, pointer<const char>(b), c, d);
    case SYS_readlink:
      return ::readlink(pointer<const char>(a), pointer<char>(b), static_cast<std::size_t>(c));
    case SYS_readlinkat:
      return ::readlinkat(ia, pointer<const char>(b), pointer<char>(c), static_cast<std::size_t>(d));
    case SYS_fork:
      return ::fork();
    case SYS_rt_sigaction:
      return signal_action(ia, pointer<const KernelAction>(b), pointer<KernelAction>(c));
    case SYS_rt_sigprocmask:
      return signal_mask(ia, pointer<const std::uint64_t>(b), pointer<std::uint64_t>(c));
    default:
      return __real_sigaltstack(pointer<const stack_t>(a), pointer<stack_t>(b));
  }
}

// What softsgx itself calls goes to the kernel: also where a program's function may not be called.
long __wrap_syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  long value[6];
  for (long& each : value) each = va_arg(arguments, long);
  va_end(arguments);
  register long r10 asm("r10") = value[3];
  register long r8 asm("r8") = value[4];
  register long r9 asm("r9") = value[5];
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(value[0]), "S"(value[1]), "d"(value[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}
}

// The stack is the program's at either jump: a call that returns twice must find it so.
asm(R"(
  .pushsection .text
  .globl syscall
  .type syscall, @function
syscall:
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  push %r8
  push %r9
  sub $8, %rsp
  call softsgx_is_ours
  add $8, %rsp
  pop %r9
  pop %r8
  pop %rcx
  pop %rdx
  pop %rsi
  pop %rdi
  test %al, %al
  jnz softsgx_own_syscall
  jmp *softsgx_syscall(%rip)
  .size syscall, . - syscall
  .popsection
)");
