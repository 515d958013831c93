/* signal_tests.c: signals that come while a thread is inside. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "sgx.h"

static char stack[65536];
static volatile uint64_t go;
static volatile int calls, nested, on_alternate, masked;
static volatile uint64_t seen_rsp;

static int is_alternate(const void* address) {
  return (const char*)address >= stack && (const char*)address < stack + sizeof stack;
}
static void inner(int number) {
  int here;
  (void)number;
  nested += is_alternate(&here) ? 100 : 1;
}
static void outer(int number, siginfo_t* info, void* context) {
  int here;
  sigset_t mask;
  (void)number;
  CHECK_EQ(info->si_signo, SIGALRM);
  seen_rsp = (uint64_t)((ucontext_t*)context)->uc_mcontext.gregs[REG_RSP];
  on_alternate = is_alternate(&here);
  sigprocmask(SIG_BLOCK, 0, &mask);
  masked = sigismember(&mask, SIGALRM) + 2 * sigismember(&mask, SIGUSR2);
  raise(SIGUSR1);
  ++calls;
  go = 1;
}
static void interrupt(struct enclave* enclave, int flags) {
  struct sigaction action = {.sa_sigaction = outer, .sa_flags = SA_SIGINFO | flags},
                   other = {.sa_handler = inner, .sa_flags = flags};
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGALRM, &action, 0);
  sigaction(SIGUSR1, &other, 0);
  go = 0;
  const struct itimerval once = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &once, 0);
  CHECK(simple(enclave, SPIN, (uint64_t)&go, 0, 0) > 0);
}

TEST(handlers_run_on_the_stack_that_they_ask_for) {
  struct enclave enclave;
  load(&enclave);
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  CHECK_EQ(sigaltstack(&alternate, 0), 0);
  int here;
  interrupt(&enclave, SA_ONSTACK);
  CHECK_EQ(calls, 1);
  CHECK_EQ(on_alternate, 1);
  CHECK_EQ(nested, 100);
  CHECK_EQ(masked, 3);
  CHECK((uint64_t)&here - seen_rsp < 1 << 16); /* the interrupted stack is the program's */
  interrupt(&enclave, 0);
  CHECK_EQ(calls, 2);
  CHECK_EQ(on_alternate, 0);
  CHECK_EQ(nested, 101);
  sigset_t mask;
  sigprocmask(SIG_BLOCK, 0, &mask);
  CHECK(!sigismember(&mask, SIGALRM) && !sigismember(&mask, SIGUSR2));
}

static void skip(int number, siginfo_t* info, void* context) {
  (void)number, (void)info;
  ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2;
  ++calls;
}
TEST(a_handler_may_change_where_the_program_goes_on) {
  struct enclave enclave;
  load(&enclave);
  simple(&enclave, REGISTERS, 0, 0, 0);
  struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, 0);
  double value = 1.5; /* and floating-point registers come back */
  __asm__ volatile("movsd %0, %%xmm9\n ud2\n movsd %%xmm9, %0" : "+m"(value)::"xmm9");
  CHECK_EQ(calls, 1);
  CHECK(value == 1.5);
}

TEST(a_program_started_by_vfork_leaves_everything_as_it_was) {
  struct enclave enclave;
  load(&enclave);
  signal(SIGUSR1, inner);
  const pid_t child = vfork();
  if (child == 0) {
    signal(SIGUSR1, SIG_DFL);
    close(enclave.fd);
    execl("/bin/true", "true", (char*)0);
    _exit(127);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQ(status, 0);
  raise(SIGUSR1);
  CHECK_EQ(nested, 1);
  CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
  uint64_t argument[2] = {0};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, argument), -EINVAL); /* still the same enclave */
}

static void tick(int number) {
  (void)number;
  ++calls;
}
static void every(int microseconds) {
  const struct itimerval often = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &often, 0);
}
/* Linux looks for signals between pages of ADD_PAGES alone: the other three run to their end, or the first
 * error. */
TEST(signals_stop_no_change_of_pages) {
  enum { PAGES = 2048, LENGTH = PAGES * PAGE };
  struct enclave enclave;
  load_with(&enclave, (struct enclave){.attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_DEBUG, .size = 16 << 20});
  uint8_t* area = (uint8_t*)(enclave.base + DYNAMIC);
  CHECK(mmap(area, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == area);
  for (uint64_t i = 0; i < PAGES; ++i)
    simple(&enclave, ACCEPT, enclave.base + DYNAMIC + i * PAGE, PT_REG | R | W | PENDING, 0);
  signal(SIGALRM, tick);
  every(200);
  struct sgx_enclave_restrict_permissions narrower = {.offset = DYNAMIC, .length = LENGTH, .permissions = R};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &narrower), 0);
  CHECK_EQ(narrower.count, LENGTH);
  struct sgx_enclave_modify_types trim = {.offset = DYNAMIC, .length = LENGTH, .page_type = 4};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &trim), 0);
  CHECK_EQ(trim.count, LENGTH);
  CHECK(calls > 0);
  every(0);
  for (uint64_t i = 0; i < PAGES; ++i)
    simple(&enclave, ACCEPT, enclave.base + DYNAMIC + i * PAGE, PT_TRIM | MODIFIED, 0);
  every(50);
  struct sgx_enclave_remove_pages gone = {.offset = DYNAMIC, .length = LENGTH};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &gone), 0);
  CHECK_EQ(gone.count, LENGTH);
  every(0);
}
