/* own_call_tests.c: programs that make their system calls by instructions of their own. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sgx.h"

static long own(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return number;
}

TEST(own_calls_build_an_enclave) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64};
  CHECK_EQ(reserve(&enclave), 0);
  CHECK_EQ(own(SYS_close, enclave.fd, 0, 0, 0, 0, 0), 0);
  CHECK_EQ(own(SYS_close, enclave.fd, 0, 0, 0, 0, 0), -EBADF);
  const long fd = own(SYS_openat, AT_FDCWD, (long)"/dev/sgx_enclave", O_RDWR, 0, 0, 0);
  CHECK(fd >= 0);
  struct secs* secs = page_of(0);
  *secs = (struct secs){.size = ENCLAVE_SIZE,
                        .base = enclave.base,
                        .ssa_frame_size = 1,
                        .attributes = ATTRIBUTE_MODE64,
                        .xfrm = 3};
  struct sgx_enclave_create terms = {.src = (uint64_t)secs};
  errno = 77;
  CHECK_EQ(own(SYS_ioctl, fd, (long)SGX_IOC_ENCLAVE_CREATE, (long)&terms, 0, 0, 0), 0);
  CHECK_EQ(own(SYS_ioctl, fd, (long)SGX_IOC_ENCLAVE_CREATE, (long)&terms, 0, 0, 0), -EINVAL);
  CHECK_EQ(errno, 77);
  enclave.fd = (int)fd;
  CHECK_EQ(add_all(&enclave), 0);
  const long code = (long)(enclave.base + CODE);
  CHECK_EQ(own(SYS_mmap, code, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0), code);
  CHECK_EQ(own(SYS_mprotect, code, PAGE, PROT_WRITE, 0, 0, 0), -EACCES);
  CHECK_EQ(own(SYS_munmap, code, PAGE, 0, 0, 0, 0), 0);
}

TEST(own_calls_of_other_kinds_are_the_kernels) {
  CHECK_EQ(own(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid());
  CHECK_EQ(own(SYS_open, (long)"/no/such/file", O_RDONLY, 0, 0, 0, 0), -ENOENT);
  int ends[2];
  CHECK_EQ(own(SYS_pipe, (long)ends, 0, 0, 0, 0, 0), 0);
  CHECK_EQ(own(SYS_write, ends[1], (long)"x", 1, 0, 0, 0), 1);
  struct enclave enclave;
  load(&enclave);
  const long child = own(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (child == 0) {
    CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
    own(SYS_exit_group, failures + 3, 0, 0, 0, 0, 0);
  }
  int status = 0;
  CHECK_EQ(own(SYS_wait4, child, (long)&status, 0, 0, 0, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 3);
}

/* In assembly; unwind tables do not name them. The second gives its word in the red zone. */
long hand_written_call(long number, long a, long b, long c);
long red_zone_of_a_call(long number, long a, long b, long c);

TEST(own_calls_leave_registers_and_the_red_zone) {
  _Alignas(32) uint8_t before[32], after[32];
  memset(before, 0xb7, sizeof before);
  for (int ours = 0; ours < 2; ++ours) {
    long number = ours ? SYS_access : SYS_getpid;
    uint64_t flags;
    __asm__ volatile("vmovdqa %2, %%ymm7\n std\n syscall\n pushfq\n pop %1\n cld\n vmovdqa %%ymm7, %3"
                     : "+a"(number), "=&r"(flags)
                     : "m"(before), "m"(after), "D"("/dev/sgx_enclave"), "S"(R_OK)
                     : "rcx", "r11", "xmm7", "memory");
    CHECK(ours ? number == 0 : number == getpid());
    CHECK_EQ(memcmp(before, after, 32), 0);
    CHECK_EQ(flags >> 10 & 1, 1);
    CHECK_EQ(red_zone_of_a_call(ours ? SYS_access : SYS_getpid, (long)"/dev/sgx_enclave", R_OK, 0), 0x5151);
  }
}

TEST(hand_written_calls_are_found_too) {
  CHECK_EQ(hand_written_call(SYS_access, (long)"/dev/sgx_enclave", R_OK, 0), 0);
}
