/* build_tests.c: opening, creating, adding, initializing: error numbers and progress as the driver's
 * documentation has them. */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sgx.h"

static struct enclave fresh(void) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64};
  CHECK_EQ(reserve(&enclave), 0);
  return enclave;
}
static struct enclave created(void) {
  struct enclave enclave = fresh();
  CHECK_EQ(create(&enclave), 0);
  return enclave;
}

TEST(nodes_are_character_devices) {
  struct stat status;
  for (int i = 0; i < 2; ++i) {
    const char* path = i ? "/dev/sgx_provision" : "/dev/sgx_enclave";
    CHECK_EQ(stat(path, &status), 0);
    CHECK(S_ISCHR(status.st_mode));
    const int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &status), 0);
    CHECK(S_ISCHR(status.st_mode));
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(close(fd), -1);
  }
  CHECK_EQ(access("/dev/sgx_enclave", R_OK | W_OK), 0);
  const int dev = open("/dev", O_RDONLY | O_DIRECTORY), fd = openat(dev, "sgx_enclave", O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0);
  CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
  CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
  CHECK_EQ(open("/dev/sgx_enclave", O_RDWR | O_CREAT | O_EXCL, 0600), -1);
  CHECK_EQ(errno, EEXIST);
}

TEST(unknown_calls_are_enotty) {
  struct enclave enclave = fresh();
  char argument[64] = {0};
  CHECK_EQ(request(enclave.fd, _IO(SGX_MAGIC, 0x40), argument), -ENOTTY);
  const int provision = open("/dev/sgx_provision", O_RDONLY);
  CHECK_EQ(request(provision, SGX_IOC_ENCLAVE_CREATE, argument), -ENOTTY);
}

TEST(create_once_and_with_a_good_secs) {
  struct enclave enclave = fresh();
  struct sgx_enclave_create nowhere = {.src = 16};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, (void*)8), -EFAULT);
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &nowhere), -EFAULT);
  struct secs* secs = page_of(0);
  struct sgx_enclave_create arguments = {.src = (uint64_t)secs};
  *secs = (struct secs){
      .size = 3 * PAGE, .base = enclave.base, .ssa_frame_size = 1, .attributes = ATTRIBUTE_MODE64, .xfrm = 3};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), -EINVAL); /* not a power of two */
  secs->size = ENCLAVE_SIZE;
  secs->xfrm = 1;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), -EIO); /* ECREATE faults */
  secs->xfrm = 3;
  secs->base += PAGE;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), -EIO);
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(create(&enclave), -EINVAL);
}

TEST(calls_out_of_order_are_einval) {
  struct enclave enclave = fresh();
  CHECK_EQ(add(&enclave, DATA, page_of(0), PAGE, PT_REG | R, 0), -EINVAL);
  CHECK_EQ(initialize(&enclave), -EINVAL);
  CHECK_EQ(create(&enclave), 0);
  struct sgx_enclave_modify_types types = {.offset = DATA, .length = PAGE, .page_type = 4};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &types), -EINVAL);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), 0);
  CHECK_EQ(initialize(&enclave), -EINVAL);
  CHECK_EQ(add(&enclave, DYNAMIC, page_of(0), PAGE, PT_REG | R, 0), -EINVAL);
}

TEST(add_checks_its_arguments) {
  struct enclave enclave = created();
  const void* page = page_of(1);
  CHECK_EQ(add(&enclave, DATA, (const char*)page + 8, PAGE, PT_REG | R, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA + 8, page, PAGE, PT_REG | R, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, page, 100, PT_REG | R, 0), -EINVAL);
  CHECK_EQ(add(&enclave, ENCLAVE_SIZE, page, PAGE, PT_REG | R, 0), -EINVAL);
  CHECK_EQ(add(&enclave, ~0ull << 12, page, 2 * PAGE, PT_REG | R, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, page, PAGE, PT_REG | W, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, page, PAGE, PT_TCS | R, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, page, PAGE, PT_TRIM, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, page, PAGE, PT_REG | R | PENDING, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, page, PAGE, PT_REG | R | 1ull << 40, 0), -EINVAL);
  CHECK_EQ(add(&enclave, DATA, (const void*)(16 * PAGE), PAGE, PT_REG | R, 0), -EFAULT);
  CHECK_EQ(add(&enclave, DATA, page, PAGE, PT_TCS, 0), -EIO); /* EADD: not a TCS */
  struct secinfo secinfo = {.flags = PT_REG | R};
  secinfo.reserved[20] = 1;
  struct sgx_enclave_add_pages arguments = {
      .src = (uint64_t)page, .offset = DATA, .length = PAGE, .secinfo = (uint64_t)&secinfo};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &arguments), -EINVAL);
  arguments.length = 0;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &arguments), -EINVAL);
  arguments.length = PAGE;
  arguments.secinfo = 24;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &arguments), -EFAULT);
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, (void*)16), -EFAULT);
}

TEST(add_says_how_far_it_came) {
  struct enclave enclave = created();
  CHECK_EQ(add(&enclave, DYNAMIC + PAGE, page_of(1), PAGE, PT_REG | R | W, 0), 0);
  struct secinfo secinfo = {.flags = PT_REG | R | W};
  void* pages = aligned_alloc(PAGE, 3 * PAGE);
  memset(pages, 0, 3 * PAGE);
  struct sgx_enclave_add_pages arguments = {
      .src = (uint64_t)pages, .offset = DYNAMIC, .length = 3 * PAGE, .secinfo = (uint64_t)&secinfo};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &arguments), -EBUSY);
  CHECK_EQ(arguments.count, PAGE);
  char* edge = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(edge + PAGE, PAGE);
  arguments = (struct sgx_enclave_add_pages){
      .src = (uint64_t)edge, .offset = DYNAMIC + 8 * PAGE, .length = 2 * PAGE, .secinfo = (uint64_t)&secinfo};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &arguments), -EFAULT);
  CHECK_EQ(arguments.count, PAGE);
}

TEST(init_refuses_a_sigstruct_that_does_not_fit) {
  struct enclave enclave = created();
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  const struct sigstruct good = enclave.sigstruct;
  struct sgx_enclave_init nowhere = {.sigstruct = 8};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_INIT, &nowhere), -EFAULT);
  enclave.sigstruct.vendor = 0x1234;
  CHECK_EQ(initialize(&enclave), -EINVAL);
  enclave.sigstruct = good;
  enclave.sigstruct.isv_svn++;
  CHECK_EQ(initialize(&enclave), -EPERM);
  enclave.sigstruct = good;
  enclave.sigstruct.mrenclave[0] ^= 1;
  CHECK_EQ(initialize(&enclave), -EPERM);
  enclave.sigstruct = good;
  enclave.sigstruct.attributes |= 1ull << 40;
  CHECK_EQ(initialize(&enclave), -EINVAL); /* an attribute that the processor has not */
  enclave.sigstruct = good;
  CHECK_EQ(initialize(&enclave), 0);
}

TEST(the_provisioning_key_needs_its_device) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_PROVISION};
  CHECK_EQ(reserve(&enclave), 0);
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), -EACCES);
  struct sgx_enclave_provision arguments = {.fd = (uint64_t)enclave.fd};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &arguments), -EINVAL);
  arguments.fd = 100000;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &arguments), -EINVAL);
  arguments.fd = (uint64_t)open("/dev/sgx_provision", O_RDONLY);
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &arguments), 0);
  CHECK_EQ(initialize(&enclave), 0);

  struct enclave early = {.attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_PROVISION};
  CHECK_EQ(reserve(&early), 0);
  CHECK_EQ(request(early.fd, SGX_IOC_ENCLAVE_PROVISION, &arguments), 0);
  CHECK_EQ(create(&early), 0); /* begins anew */
  CHECK_EQ(add_all(&early), 0);
  sign(&early);
  CHECK_EQ(initialize(&early), -EACCES);
}

static int map_error(const struct enclave* enclave, uint64_t offset, uint64_t size, int protection,
                     int flags) {
  return mmap((void*)(enclave->base + offset), size, protection, flags, enclave->fd, 0) == MAP_FAILED ? errno
                                                                                                      : 0;
}

TEST(mappings_are_shared_inside_and_no_more_than_the_pages) {
  struct enclave enclave = created();
  CHECK_EQ(map_error(&enclave, DATA, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED),
           0); /* before its page */
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), 0);
  CHECK_EQ(map_error(&enclave, DATA, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED), EINVAL);
  CHECK_EQ(map_error(&enclave, READ_ONLY, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED), EACCES);
  CHECK_EQ(map_error(&enclave, CODE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_FIXED),
           EACCES);
  CHECK_EQ(map_error(&enclave, CODE, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED), EACCES);
  CHECK_EQ(map_error(&enclave, CODE, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED), 0);
  CHECK_EQ(map_error(&enclave, ENCLAVE_SIZE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED), EACCES);
  CHECK_EQ(map_error(&enclave, DATA + 8, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED), EINVAL);
  CHECK_EQ(map_error(&enclave, DATA, 0, PROT_READ, MAP_SHARED | MAP_FIXED), EINVAL);
  CHECK_EQ(map_error(&enclave, DYNAMIC, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_FIXED),
           0);
  void* code = (void*)(enclave.base + CODE);
  CHECK_EQ(mprotect(code, PAGE, PROT_READ | PROT_WRITE), -1);
  CHECK_EQ(errno, EACCES);
  CHECK_EQ(mprotect(code, PAGE, PROT_READ), 0);
  CHECK_EQ(munmap(code, PAGE), 0);
  CHECK_EQ(mprotect(code, PAGE, PROT_READ), -1);
  CHECK_EQ(errno, ENOMEM);
}

TEST(an_enclave_lives_as_long_as_its_mappings) {
  struct enclave enclave;
  load(&enclave);
  CHECK_EQ(close(enclave.fd), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
}

TEST(duplicates_name_the_same_enclave) {
  struct enclave enclave = fresh();
  const int original = enclave.fd, copy = dup(original);
  CHECK_EQ(create(&enclave), 0);
  close(original);
  enclave.fd = fcntl(copy, F_DUPFD_CLOEXEC, 40);
  CHECK_EQ(add_all(&enclave), 0);
  enclave.fd = dup2(copy, 50);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), 0);
}
