/* process_tests.c: threads, children, and the places where a program looks for an SGX machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sgx.h"

static int ends_well(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct worker {
  struct enclave* enclave;
  struct op op;
  uint64_t tcs;
  int vector;
};
static void* work(void* argument) {
  struct worker* worker = argument;
  struct enclave here = *worker->enclave; /* a struct sgx_enclave_run for each thread */
  here.run.tcs = worker->tcs;
  worker->vector = enter_op(&here, &worker->op);
  return 0;
}

TEST(eight_threads_are_inside_at_once) {
  struct enclave enclave;
  load(&enclave);
  static volatile uint64_t go;
  struct worker workers[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; ++i) {
    workers[i] = (struct worker){
        .enclave = &enclave, .op = {.number = SPIN, .a = (uint64_t)&go}, .tcs = enclave.base + TCS(i)};
    CHECK_EQ(pthread_create(&threads[i], 0, work, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; ++i)
    while (!*(volatile uint64_t*)&workers[i].op.result) sched_yield();
  go = 1;
  for (int i = 0; i < THREADS; ++i) {
    pthread_join(threads[i], 0);
    CHECK_EQ(workers[i].vector, 0);
  }
}

TEST(threads_enter_again_and_again) {
  struct enclave enclave;
  load(&enclave);
  for (int round = 0; round < 20; ++round) {
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
      workers[i] =
          (struct worker){.enclave = &enclave,
                          .op = {.number = PUT, .a = enclave.base + BUFFER + 8 * (uint64_t)i, .b = 7},
                          .tcs = enclave.base + TCS(i)};
      pthread_create(&threads[i], 0, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; ++i) {
      pthread_join(threads[i], 0);
      CHECK_EQ(workers[i].vector, 0);
    }
  }
  for (uint64_t i = 0; i < THREADS; ++i)
    CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER + 8 * i, 0, 0), 7);
}

/* a thread that stays inside until it is stopped */
struct spinner {
  struct worker worker;
  volatile uint64_t go;
  pthread_t thread;
};

static void spin(struct spinner* spinner, struct enclave* enclave) {
  spinner->go = 0;
  spinner->worker = (struct worker){
      .enclave = enclave, .op = {.number = SPIN, .a = (uint64_t)&spinner->go}, .tcs = enclave->base + TCS_0};
  pthread_create(&spinner->thread, 0, work, &spinner->worker);
  while (!*(volatile uint64_t*)&spinner->worker.op.result) sched_yield();
}

static void stop(struct spinner* spinner) {
  spinner->go = 1;
  pthread_join(spinner->thread, 0);
}

TEST(a_thread_in_use_cannot_be_entered) {
  struct enclave enclave;
  load(&enclave);
  struct spinner spinner;
  spin(&spinner, &enclave);
  struct op op = {.number = REGISTERS};
  CHECK_EQ(enter_op(&enclave, &op), 13);
  CHECK_EQ(enclave.run.function, EENTER);
  stop(&spinner);
  CHECK_EQ(enter_op(&enclave, &op), 0);
}

/* as daemons do */
TEST(closing_every_descriptor_takes_none_from_enclaves) {
  for (int way = 0; way < 4; ++way) {
    struct enclave before, after;
    load(&before);
    for (int i = 3; way == 0 && i < 1024; ++i) close(i);
    if (way == 1) CHECK_EQ(close_range(3, ~0u, 0), 0);
    if (way == 2) closefrom(3);
    if (way == 3) CHECK_EQ(syscall(SYS_close_range, 3, ~0u, 0), 0);
    struct op op = {.number = UNDEFINED};
    CHECK_EQ(fcntl(before.fd, F_GETFD), -1);
    CHECK_EQ(enter_op(&before, &op), 6);
    load(&after);
    CHECK_EQ(simple(&after, GET, after.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
  }
}

/* The C library has every other thread change its credentials, by a signal of its own. */
TEST(credentials_change_while_a_thread_is_inside) {
  struct enclave enclave;
  load(&enclave);
  struct spinner spinner;
  spin(&spinner, &enclave);
  CHECK_EQ(setresgid((gid_t)-1, (gid_t)-1, (gid_t)-1), 0);
  stop(&spinner);
  CHECK_EQ(spinner.worker.vector, 0);
}

TEST(a_child_has_the_enclave_too) {
  struct enclave enclave;
  load(&enclave);
  simple(&enclave, PUT, enclave.base + BUFFER, 0x1234, 0);
  const pid_t child = fork();
  if (child == 0) {
    CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 0x1234);
    CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
    struct op op = {.number = UNDEFINED};
    CHECK_EQ(enter_op(&enclave, &op), 6);
    void* dynamic = (void*)(enclave.base + DYNAMIC);
    CHECK(mmap(dynamic, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == dynamic);
    CHECK_EQ(simple(&enclave, ACCEPT, enclave.base + DYNAMIC, PT_REG | R | W | PENDING, 0), 0);
    _exit(failures != 0);
  }
  CHECK(ends_well(child));
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 0x1234);
}

TEST(a_child_builds_one_of_its_own) {
  const pid_t child = fork();
  if (child == 0) {
    struct enclave enclave;
    load(&enclave);
    CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
    _exit(failures != 0);
  }
  CHECK(ends_well(child));
}

TEST(a_program_that_a_program_starts) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "sgx-programs", "called_from_c_without_a_wrapper", (char*)0);
    _exit(127);
  }
  CHECK(ends_well(child));
}

/* builds_on says whether an enclave comes up on a descriptor that somebody else opened. */
static int builds_on(int fd) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64};
  CHECK_EQ(reserve(&enclave), 0);
  close(enclave.fd);
  enclave.fd = fd;
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), 0);
  return failures == 0;
}

TEST(descriptors_go_through_exec) {
  const char* inherited = getenv("SGX_DESCRIPTOR");
  if (inherited) { /* in the other program */
    struct stat status;
    CHECK_EQ(fstat(atoi(inherited), &status), 0);
    CHECK(S_ISCHR(status.st_mode));
    CHECK(builds_on(atoi(inherited)));
    return;
  }
  char number[16];
  snprintf(number, sizeof number, "%d", open("/dev/sgx_enclave", O_RDWR));
  setenv("SGX_DESCRIPTOR", number, 1);
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "sgx-programs", "descriptors_go_through_exec", (char*)0);
    _exit(127);
  }
  CHECK(ends_well(child));
}

TEST(descriptors_go_over_a_socket) {
  int ends[2], fd = -1;
  CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  char byte = 0, control[CMSG_SPACE(sizeof fd)] __attribute__((aligned(8))) = {0};
  struct iovec part = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const pid_t child = fork();
  if (child == 0) { /* it knows of no device */
    CHECK_EQ(recvmsg(ends[1], &message, 0), 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    _exit(!builds_on(fd));
  }
  fd = open("/dev/sgx_enclave", O_RDWR);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header =
      (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  CHECK_EQ(sendmsg(ends[0], &message, 0), 1);
  CHECK(ends_well(child));
}

TEST(vdso_function_by_dlopen) {
  void* vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  CHECK(vdso != 0);
  CHECK(dlsym(vdso, "__vdso_sgx_enter_enclave") == (void*)enter);
  CHECK(dlvsym(vdso, "__vdso_sgx_enter_enclave", "LINUX_2.6") == (void*)enter);
  CHECK(dlsym(vdso, "__vdso_clock_gettime") != 0);
  Dl_info info = {0};
  CHECK(dladdr((char*)enter + 1, &info) != 0);
  CHECK(info.dli_saddr == (void*)enter && strcmp(info.dli_sname, "__vdso_sgx_enter_enclave") == 0);
  CHECK_EQ(info.dli_fbase, getauxval(AT_SYSINFO_EHDR));
  CHECK(dladdr((void*)getenv, &info) != 0 && strstr(info.dli_fname, "libc"));
  CHECK(dlsym(RTLD_DEFAULT, "no_such_function_at_all") == 0);
  CHECK(dlsym(RTLD_DEFAULT, "getenv") == (void*)getenv);
}

static int find_vdso(struct dl_phdr_info* object, size_t size, void* found) {
  (void)size;
  if (strstr(object->dlpi_name, "vdso")) {
    *(uint64_t*)found = object->dlpi_addr;
    for (int i = 0; i < object->dlpi_phnum; ++i)
      if (object->dlpi_phdr[i].p_type == PT_LOAD) return 1;
  }
  return 0;
}
TEST(vdso_among_the_loaded_objects) {
  uint64_t found = 0;
  CHECK_EQ(dl_iterate_phdr(find_vdso, &found), 1);
  CHECK_EQ(found, getauxval(AT_SYSINFO_EHDR));
}

static int in_maps(uint64_t address, char* line, size_t size) {
  FILE* maps = fopen("/proc/self/maps", "r");
  int found = 0;
  while (!found && maps && fgets(line, (int)size, maps)) {
    unsigned long begin, end;
    found = sscanf(line, "%lx-%lx", &begin, &end) == 2 && begin <= address && address < end;
  }
  if (maps) fclose(maps);
  return found;
}
TEST(maps_name_the_vdso_and_the_device) {
  struct enclave enclave;
  load(&enclave);
  char line[512];
  CHECK(in_maps(getauxval(AT_SYSINFO_EHDR), line, sizeof line) && strstr(line, "[vdso]"));
  CHECK(in_maps(enclave.base + CODE, line, sizeof line) && strstr(line, "/dev/sgx_enclave") &&
        strstr(line, "r-xs"));
  CHECK(in_maps(enclave.base + DATA, line, sizeof line) && strstr(line, "rw-s"));
  CHECK(!in_maps(enclave.base + DYNAMIC, line, sizeof line) || !strstr(line, "sgx"));
  CHECK(in_maps((uint64_t)&line, line, sizeof line) && strstr(line, "[stack]"));
}

TEST(calls_by_number) {
  struct enclave enclave = {.attributes = ATTRIBUTE_MODE64};
  CHECK_EQ(reserve(&enclave), 0);
  enclave.fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/sgx_enclave", O_RDWR | O_CLOEXEC);
  CHECK(enclave.fd >= 0);
  struct secs* secs = page_of(0);
  *secs = (struct secs){.size = ENCLAVE_SIZE,
                        .base = enclave.base,
                        .ssa_frame_size = 1,
                        .attributes = ATTRIBUTE_MODE64,
                        .xfrm = 3};
  struct sgx_enclave_create arguments = {.src = (uint64_t)secs};
  CHECK_EQ(syscall(SYS_ioctl, enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), 0);
  CHECK_EQ(syscall(SYS_ioctl, enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), -1);
  CHECK_EQ(errno, EINVAL);
  const long where = (long)(enclave.base + DATA);
  CHECK_EQ(syscall(SYS_mmap, where, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, enclave.fd, 0), where);
  CHECK_EQ(syscall(SYS_mprotect, where, PAGE, PROT_READ | PROT_WRITE), 0);
  CHECK_EQ(syscall(SYS_munmap, where, PAGE), 0);
  CHECK_EQ(syscall(SYS_close, enclave.fd), 0);
  CHECK_EQ(syscall(SYS_getpid), getpid());
}
