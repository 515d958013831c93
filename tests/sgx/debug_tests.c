/* debug_tests.c: what a debugger sees: /proc/self/mem, for which the driver runs EDBGRD and EDBGWR. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sgx.h"

static int memory(void) {
  const int fd = open("/proc/self/mem", O_RDWR);
  CHECK(fd >= 0);
  return fd;
}
static uint64_t peek(int fd, uint64_t address) {
  uint64_t word = 0;
  return pread(fd, &word, sizeof word, (off_t)address) == sizeof word ? word : 0xdead;
}

TEST(a_debug_enclave_is_read_and_written) {
  struct enclave enclave;
  load(&enclave);
  const int fd = memory();
  simple(&enclave, PUT, enclave.base + BUFFER, 0x1122334455667788, 0);
  CHECK_EQ(peek(fd, enclave.base + BUFFER), 0x1122334455667788);
  const uint8_t byte = 0xee;
  CHECK_EQ(pwrite(fd, &byte, 1, (off_t)(enclave.base + BUFFER + 2)), 1);
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 0x1122334455ee7788);
  uint8_t pages[2 * PAGE]; /* from one page into the next; whatever the permissions of the page */
  CHECK_EQ(lseek(fd, (off_t)(enclave.base + BUFFER + PAGE + 100), SEEK_SET),
           enclave.base + BUFFER + PAGE + 100);
  CHECK_EQ(read(fd, pages, 2 * PAGE - 100), 2 * PAGE - 100);
  CHECK_EQ(pages[PAGE - 101], 0);
  CHECK_EQ(pages[PAGE - 100], 0x5a);
  const uint64_t word = 0x77;
  CHECK_EQ(pwrite(fd, &word, 8, (off_t)(enclave.base + READ_ONLY)), 8);
  CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x77);
}

TEST(a_debugger_sees_the_code_as_it_was_added) {
  struct enclave enclave;
  load(&enclave);
  simple(&enclave, REGISTERS, 0, 0, 0);
  simple(&enclave, REGISTERS, 0, 0, 0);
  extern const uint8_t enclave_code[], enclave_code_end[];
  static uint8_t seen[PAGE];
  const size_t size = (size_t)(enclave_code_end - enclave_code);
  CHECK_EQ(pread(memory(), seen, size, (off_t)(enclave.base + CODE)), (ssize_t)size);
  CHECK_EQ(memcmp(seen, enclave_code, size), 0);
}

TEST(a_debugger_sees_a_thread_and_sets_its_flags) {
  struct enclave enclave;
  load(&enclave);
  const int fd = memory();
  const uint64_t tcs = enclave.base + TCS_0;
  CHECK_EQ(peek(fd, tcs), 0);                 /* STATE */
  CHECK_EQ(peek(fd, tcs + 16), TCS_0 + PAGE); /* OSSA */
  CHECK_EQ(peek(fd, tcs + 24), 2ull << 32);   /* CSSA, NSSA */
  CHECK_EQ(peek(fd, tcs + 32), CODE);         /* OENTRY */
  struct op op = {.number = UNDEFINED};
  CHECK_EQ(enter_op(&enclave, &op), 6);
  CHECK_EQ(peek(fd, tcs + 24), 2ull << 32 | 1);
  const uint64_t flags = 1;
  CHECK_EQ(pwrite(fd, &flags, 8, (off_t)(tcs + 8)), 8); /* DBGOPTIN */
  CHECK_EQ(peek(fd, tcs + 8), 1);
  CHECK_EQ(pwrite(fd, &flags, 8, (off_t)(tcs + 32)), -1);
  CHECK_EQ(errno, EIO);
  CHECK_EQ(peek(fd, tcs + 512), 0xdead); /* behind the TCS */
}

TEST(pages_that_are_not_accepted_are_not_debuggable) {
  struct enclave enclave;
  load(&enclave);
  void* dynamic = (void*)(enclave.base + DYNAMIC);
  CHECK(mmap(dynamic, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == dynamic);
  const int fd = memory();
  CHECK_EQ(peek(fd, enclave.base + DYNAMIC), 0xdead); /* no page */
  CHECK_EQ(*(volatile uint8_t*)dynamic, 0xff);
  CHECK_EQ(peek(fd, enclave.base + DYNAMIC), 0xdead); /* PENDING */
  CHECK_EQ(simple(&enclave, ACCEPT, enclave.base + DYNAMIC, PT_REG | R | W | PENDING, 0), 0);
  CHECK_EQ(peek(fd, enclave.base + DYNAMIC), 0);
}

TEST(a_production_enclave_is_nobodys_to_read) {
  struct enclave enclave;
  load_with(&enclave, (struct enclave){.attributes = ATTRIBUTE_MODE64});
  const int fd = memory();
  uint64_t word = 1;
  CHECK_EQ(pread(fd, &word, 8, (off_t)(enclave.base + DATA)), -1);
  CHECK_EQ(errno, EIO);
  CHECK_EQ(pwrite(fd, &word, 8, (off_t)(enclave.base + DATA)), -1);
  CHECK_EQ(syscall(SYS_pread64, fd, &word, 8, enclave.base + DATA), -1);
  const uint64_t mine = 42;
  CHECK_EQ(peek(fd, (uint64_t)&mine), 42);
}

TEST(the_device_is_neither_read_nor_written) {
  const int fd = open("/dev/sgx_enclave", O_RDWR);
  char byte = 0;
  CHECK_EQ(read(fd, &byte, 1), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(write(fd, &byte, 1), -1);
  CHECK_EQ(errno, EINVAL);
}

TEST(the_device_has_no_length) {
  const int fd = dup(open("/dev/sgx_enclave", O_RDWR));
  const long calls[][2] = {{SYS_ftruncate, EINVAL}, {SYS_fsync, EINVAL}, {SYS_fdatasync, EINVAL}};
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(syscall(calls[i][0], fd, 0), -1);
    CHECK_EQ(errno, calls[i][1]);
  }
  CHECK_EQ(ftruncate(fd, 0), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(fsync(fd), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(fdatasync(fd), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(fallocate(fd, 0, 0, 4096), -1);
  CHECK_EQ(errno, ENODEV);
  CHECK_EQ(fallocate(fd, 0, 0, 0), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(fallocate(open("/dev/sgx_enclave", O_RDONLY), 0, 0, 4096), -1);
  CHECK_EQ(errno, EBADF);
  CHECK_EQ(ftruncate(memfd_create("file", 0), 4096), 0);
}
