/* memory_tests.c: what the kernel's calls on memory do to an enclave's range. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sgx.h"

enum { RW = PROT_READ | PROT_WRITE };

TEST(a_part_is_unmapped_and_mapped_again) {
  struct enclave enclave;
  load(&enclave);
  void* page = (void*)(enclave.base + BUFFER);
  simple(&enclave, PUT, enclave.base + BUFFER, 77, 0);
  CHECK_EQ(munmap(page, PAGE), 0);
  struct op get = {.number = GET, .a = enclave.base + BUFFER};
  CHECK_EQ(enter_op(&enclave, &get), 14);
  CHECK_EQ(enclave.run.exception_addr, enclave.base + BUFFER);
  CHECK_EQ(enclave.run.exception_error_code & (FAULT_W | FAULT_SGX), 0);
  CHECK(mmap(page, PAGE, RW, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == page);
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(get.result, 77);
}

TEST(everything_is_unmapped_and_the_descriptor_keeps_it) {
  struct enclave enclave;
  load(&enclave);
  simple(&enclave, PUT, enclave.base + BUFFER, 78, 0);
  CHECK_EQ(munmap((void*)enclave.base, ENCLAVE_SIZE), 0);
  struct op get = {.number = GET, .a = enclave.base + BUFFER};
  CHECK_EQ(enter_op(&enclave, &get), 14);
  CHECK_EQ(enclave.run.function, EENTER);
  const struct {
    uint64_t offset, pages;
    int protection;
  } parts[] = {{TCS_0, 3, RW}, {CODE, 1, PROT_READ | PROT_EXEC}, {DATA, 3, RW}};
  for (size_t i = 0; i < array_size(parts); ++i)
    CHECK(mmap((void*)(enclave.base + parts[i].offset), parts[i].pages * PAGE, parts[i].protection,
               MAP_SHARED | MAP_FIXED, enclave.fd, 0) != MAP_FAILED);
  CHECK_EQ(enter_op(&enclave, &get), 0);
  CHECK_EQ(get.result, 78);
}

TEST(an_address_without_fixed_is_a_hint) {
  struct enclave enclave;
  load(&enclave);
  simple(&enclave, PUT, enclave.base + BUFFER, 79, 0);
  /* The place is taken, and elsewhere are no pages of this enclave. */
  CHECK(mmap((void*)(enclave.base + BUFFER), PAGE, PROT_READ, MAP_SHARED, enclave.fd, 0) == MAP_FAILED);
  CHECK_EQ(errno, EACCES);
  CHECK_EQ(simple(&enclave, PUT, enclave.base + BUFFER, 80, 0), 0);
  CHECK_EQ(munmap((void*)(enclave.base + BUFFER), PAGE), 0);
  CHECK(mmap((void*)(enclave.base + BUFFER), PAGE, RW, MAP_SHARED, enclave.fd, 0) ==
        (void*)(enclave.base + BUFFER));
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 80);
}

TEST(protection_with_a_key_follows_the_same_rules) {
  struct enclave enclave;
  load(&enclave);
  void *code = (void*)(enclave.base + CODE), *data = (void*)(enclave.base + DATA);
  CHECK_EQ(pkey_mprotect(code, PAGE, RW, -1), -1);
  CHECK_EQ(errno, EACCES);
  CHECK_EQ(syscall(SYS_pkey_mprotect, code, PAGE, RW, -1), -1);
  CHECK_EQ(errno, EACCES);
  CHECK_EQ(pkey_mprotect(data, PAGE, PROT_READ, -1), 0);
  CHECK_EQ(syscall(SYS_pkey_mprotect, data, PAGE, RW, -1), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 0);
}

TEST(protection_of_many_pages_at_once) {
  struct enclave enclave;
  load(&enclave);
  void* data = (void*)(enclave.base + DATA);
  CHECK_EQ(mprotect(data, 4 * PAGE, RW), -1); /* the last one is read-only */
  CHECK_EQ(errno, EACCES);
  CHECK_EQ(mprotect(data, 4 * PAGE, PROT_READ), 0);
  CHECK_EQ(mprotect(data, 3 * PAGE, RW), 0);
  CHECK_EQ(mprotect(data, 10 * PAGE, PROT_READ), -1); /* a hole */
  CHECK_EQ(errno, ENOMEM);
  CHECK_EQ(mprotect((char*)data + 1, PAGE, PROT_READ), -1);
  CHECK_EQ(errno, EINVAL);
  CHECK_EQ(mprotect(data, PAGE, PROT_NONE), 0);
  CHECK_EQ(mprotect(data, PAGE, RW), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
}

TEST(mappings_do_not_grow) {
  struct enclave enclave;
  load(&enclave);
  void* page = (void*)(enclave.base + READ_ONLY);
  CHECK(mremap(page, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
  CHECK_EQ(errno, EFAULT);
  CHECK(mremap(page, PAGE, PAGE, 0) == page);
  void* data = (void*)(enclave.base + DATA);
  CHECK(mremap(data, 3 * PAGE, 2 * PAGE, 0) == data);
  struct op get = {.number = GET, .a = enclave.base + DATA + 2 * PAGE};
  CHECK_EQ(enter_op(&enclave, &get), 14);
  char* other = mmap(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *other = 9;
  other = mremap(other, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
  CHECK(other != MAP_FAILED && *other == 9);
}

TEST(a_write_only_descriptor_maps_nothing_and_a_read_only_one_nothing_to_write) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64};
  CHECK_EQ(reserve(&enclave), 0);
  close(enclave.fd);
  enclave.fd = open("/dev/sgx_enclave", O_RDONLY);
  CHECK_EQ(create(&enclave), 0);
  void* where = (void*)(enclave.base + DATA);
  CHECK(mmap(where, PAGE, RW, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == MAP_FAILED);
  CHECK_EQ(errno, EACCES);
  CHECK(mmap(where, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == where);
  CHECK_EQ(mprotect(where, PAGE, RW), -1);
  CHECK_EQ(errno, EACCES);
  CHECK_EQ(mprotect(where, PAGE, PROT_NONE), 0);
  const int write_only = open("/dev/sgx_enclave", O_WRONLY);
  CHECK(mmap(0, PAGE, PROT_NONE, MAP_SHARED, write_only, 0) == MAP_FAILED);
  CHECK_EQ(errno, EACCES);
}

TEST(the_device_gives_addresses) {
  const int fd = open("/dev/sgx_enclave", O_RDWR);
  char* area = mmap(0, 2 * ENCLAVE_SIZE, PROT_NONE, MAP_SHARED, fd, 0);
  CHECK(area != MAP_FAILED);
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64, .fd = fd};
  enclave.base = ((uint64_t)area + ENCLAVE_SIZE - 1) / ENCLAVE_SIZE * ENCLAVE_SIZE;
  if (enclave.base > (uint64_t)area) CHECK_EQ(munmap(area, enclave.base - (uint64_t)area), 0);
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), 0);
  CHECK_EQ(mprotect((void*)(enclave.base + TCS_0), 3 * PAGE, RW), 0);
  CHECK_EQ(mprotect((void*)(enclave.base + CODE), PAGE, PROT_READ | PROT_EXEC), 0);
  CHECK_EQ(mprotect((void*)(enclave.base + DATA), 3 * PAGE, RW), 0);
  enclave.run.tcs = enclave.base;
  struct op op = {.number = REGISTERS};
  CHECK_EQ(enter_op(&enclave, &op), 0);
  CHECK_EQ(op.c, enclave.base + DATA);
}

TEST(address_space_is_reserved_in_other_ways) {
  for (int way = 0; way < 3; ++way) {
    struct enclave enclave = {.attributes = ATTRIBUTE_MODE64, .fd = open("/dev/sgx_enclave", O_RDWR)};
    const int flags[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
                         MAP_PRIVATE | MAP_ANONYMOUS};
    char* area = mmap(0, 2 * ENCLAVE_SIZE, way == 2 ? RW : PROT_NONE, flags[way], -1, 0);
    enclave.base = ((uint64_t)area + ENCLAVE_SIZE - 1) / ENCLAVE_SIZE * ENCLAVE_SIZE;
    CHECK_EQ(create(&enclave), 0);
    CHECK_EQ(add(&enclave, DATA, page_of(3), PAGE, PT_REG | R, 0), 0);
  }
}

TEST(advice_is_taken_unless_it_is_about_pages) {
  struct enclave enclave;
  load(&enclave);
  void* data = (void*)(enclave.base + DATA);
  CHECK_EQ(madvise(data, PAGE, MADV_DONTFORK), 0);
  CHECK_EQ(madvise(data, PAGE, MADV_DONTDUMP), 0);
  CHECK_EQ(madvise(data, PAGE, MADV_RANDOM), 0);
  CHECK_EQ(madvise(data, PAGE, MADV_DONTNEED), -1);
  CHECK_EQ(errno, EINVAL);
}

TEST(a_large_enclave) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64, .size = 1ull << 36};
  CHECK_EQ(reserve(&enclave), 0);
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add(&enclave, enclave.size - PAGE, page_of(1), PAGE, PT_REG | R | W, 1), 0);
  CHECK_EQ(add(&enclave, enclave.size, page_of(1), PAGE, PT_REG | R | W, 1), -EINVAL);
}

TEST(the_smallest_enclave) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64, .size = PAGE};
  CHECK_EQ(reserve(&enclave), 0);
  CHECK_EQ(create(&enclave), -EIO); /* ECREATE wants two pages */
  close(enclave.fd);
  enclave.size = 2 * PAGE;
  CHECK_EQ(reserve(&enclave), 0);
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add(&enclave, PAGE, page_of(1), PAGE, PT_REG | R, 1), 0);
  CHECK_EQ(add(&enclave, PAGE, page_of(1), PAGE, PT_REG | R, 1), -EBUSY);
}

TEST(arguments_that_cannot_be_written_back) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64};
  CHECK_EQ(reserve(&enclave), 0);
  CHECK_EQ(create(&enclave), 0);
  struct secinfo secinfo = {.flags = PT_REG | R};
  struct sgx_enclave_add_pages* arguments = mmap(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *arguments = (struct sgx_enclave_add_pages){
      .src = (uint64_t)page_of(1), .offset = DATA, .length = PAGE, .secinfo = (uint64_t)&secinfo};
  mprotect(arguments, PAGE, PROT_READ);
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, arguments), -EFAULT);
}
