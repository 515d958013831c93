/* enter_tests.c: the vDSO function's contract, exceptions, signals, and the processor's answers. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "sgx.h"

TEST(vdso_function_is_found_in_three_ways) {
  void* by_hash = vdso_by_hash("__vdso_sgx_enter_enclave");
  CHECK(by_hash != 0);
  CHECK(vdso_by_gnu_hash("__vdso_sgx_enter_enclave") == by_hash);
  CHECK(vdso_by_sections("__vdso_sgx_enter_enclave") == by_hash);
  CHECK(vdso_by_hash("__vdso_no_such_function") == 0);
  CHECK(vdso_by_gnu_hash("__vdso_no_such_function") == 0);
  struct timespec now = {0};
  int (*clock)(clockid_t, struct timespec*) =
      (int (*)(clockid_t, struct timespec*))vdso_by_gnu_hash("__vdso_clock_gettime");
  CHECK(clock != 0 && clock(CLOCK_REALTIME, &now) == 0 && now.tv_sec > 1600000000);
}

extern char** environ;
TEST(auxiliary_vectors_agree) {
  char** end = environ;
  while (*end) ++end;
  unsigned long on_stack = 0, in_file = 0;
  for (const Elf64_auxv_t* entry = (const void*)(end + 1); entry->a_type != AT_NULL; ++entry)
    if (entry->a_type == AT_SYSINFO_EHDR) on_stack = entry->a_un.a_val;
  Elf64_auxv_t entry;
  const int fd = open("/proc/self/auxv", O_RDONLY);
  while (read(fd, &entry, sizeof entry) == sizeof entry && entry.a_type != AT_NULL)
    if (entry.a_type == AT_SYSINFO_EHDR) in_file = entry.a_un.a_val;
  CHECK_EQ(on_stack, getauxval(AT_SYSINFO_EHDR));
  CHECK_EQ(in_file, getauxval(AT_SYSINFO_EHDR));
}

TEST(cpuid_says_sgx2) {
  unsigned a, b, c, d;
  CHECK(__get_cpuid_count(7, 0, &a, &b, &c, &d));
  CHECK_EQ(b >> 2 & 1, 1);
  CHECK_EQ(c >> 30 & 1, 1);
  CHECK(__get_cpuid_count(0x12, 0, &a, &b, &c, &d));
  CHECK_EQ(a & 3, 3);
  CHECK((d >> 8 & 0xff) >= 36);
  CHECK(__get_cpuid_count(0x12, 1, &a, &b, &c, &d));
  CHECK_EQ(a & (ATTRIBUTE_DEBUG | ATTRIBUTE_MODE64), ATTRIBUTE_DEBUG | ATTRIBUTE_MODE64);
  CHECK_EQ(c & 3, 3);
  CHECK(__get_cpuid_count(0x12, 2, &a, &b, &c, &d));
  CHECK_EQ(a & 15, 1);
  unsigned long long size = 0;
  FILE* file = fopen("/sys/devices/system/node/node0/x86/sgx_total_bytes", "r");
  CHECK(file && fscanf(file, "%llu", &size) == 1);
  CHECK_EQ(size, (unsigned long long)(d & 0xfffff) << 32 | (c & 0xfffff000));
}

TEST(data_among_code_stays_as_it_is) {
  extern const uint8_t data_among_code[], data_among_code_end[];
  for (const uint8_t* at = data_among_code; at < data_among_code_end; at += 2)
    CHECK(at[0] == 0x0f && at[1] == 0xa2);
}

TEST(registers_and_memory_go_through) {
  struct enclave enclave;
  load(&enclave);
  const uint64_t magic = 0x1122334455667788;
  simple(&enclave, PUT, enclave.base + BUFFER, magic, 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), magic);
  struct op op = {.number = REGISTERS};
  CHECK_EQ(enter_op(&enclave, &op), 0);
  CHECK_EQ(op.c, enclave.base + DATA);
  CHECK_EQ(op.result, enclave.base + BUFFER);
  CHECK_EQ(enclave.run.function, EEXIT);
}

TEST(called_from_c_without_a_wrapper) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = GET, .a = enclave.base + READ_ONLY};
  CHECK_EQ(enter((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run), 0);
  CHECK_EQ(op.result, 0x5a5a5a5a5a5a5a5a);
}

TEST(bad_arguments_are_einval) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = DIRTY};
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, EEXIT, 0, 0, &enclave.run, enter), -EINVAL);
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, 0, 0, 0, &enclave.run, enter), -EINVAL);
  enclave.run.reserved[215] = 1;
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run, enter), -EINVAL);
}

static int handler_calls, handler_returns;
static long handler_rdi, handler_rsp;
static int handler(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_enclave_run* run) {
  (void)rsi, (void)rdx, (void)r8, (void)r9;
  uint64_t flags;
  __asm__("pushfq\n pop %0" : "=r"(flags));
  CHECK_EQ(flags >> 10 & 1, 0); /* DF */
  ++handler_calls;
  handler_rdi = rdi;
  handler_rsp = rsp;
  run->user_data += 1;
  if (handler_returns == EENTER && handler_calls < 3) return EENTER;
  return handler_returns == EENTER ? -77 : handler_returns;
}

TEST(user_handler_sees_the_exit_and_decides) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = DIRTY};
  enclave.run.user_handler = (uint64_t)handler;
  handler_returns = 0;
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run, enter), 0);
  CHECK_EQ(handler_calls, 1);
  CHECK_EQ(handler_rdi, &op);
  CHECK_EQ(((uint64_t*)handler_rsp)[0], ~0ull); /* what the enclave pushed */
  handler_returns = -5;
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run, enter), -5);
  handler_returns = 9; /* no leaf */
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run, enter), -EINVAL);
  CHECK_EQ(enclave.run.user_data, 3);
}

static int again(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_enclave_run* run) {
  (void)rdi, (void)rsi, (void)rdx, (void)rsp, (void)r8, (void)r9;
  if (run->function == EEXIT) return 0;
  ++handler_calls;
  return handler_calls < 3 ? ERESUME : -run->exception_vector; /* the fault repeats */
}

TEST(user_handler_resumes_after_an_exception) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = UNDEFINED};
  enclave.run.user_handler = (uint64_t)again;
  CHECK_EQ(call_vdso((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run, enter), -6);
  CHECK_EQ(handler_calls, 3);
}

static jmp_buf escape;
static int jump(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_enclave_run* run) {
  (void)rdi, (void)rsi, (void)rdx, (void)rsp, (void)r8, (void)r9, (void)run;
  longjmp(escape, 1);
}
TEST(user_handler_may_jump_away) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = GET, .a = enclave.base + READ_ONLY};
  enclave.run.user_handler = (uint64_t)jump;
  for (volatile int i = 0; i < 3; ++i)
    if (!setjmp(escape)) {
      call_vdso((uint64_t)&op, 0, 0, EENTER, 0, 0, &enclave.run, enter);
      CHECK(0);
    }
  enclave.run.user_handler = 0;
  CHECK_EQ(enter_op(&enclave, &op), 0);
}

int thrown_through(struct op* op, struct sgx_enclave_run* run);
TEST(user_handler_may_throw) {
  struct enclave enclave;
  load(&enclave);
  struct op get = {.number = GET, .a = enclave.base + READ_ONLY}, undefined = {.number = UNDEFINED};
  CHECK_EQ(thrown_through(&get, &enclave.run), EEXIT);
  CHECK_EQ(thrown_through(&undefined, &enclave.run), ERESUME);
  CHECK_EQ(thrown_through(&get, &enclave.run), EEXIT);
}

static void expect_exception(uint64_t number, int vector, unsigned error, uint64_t a, uint64_t address,
                             uint64_t skip) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = number, .a = a < ENCLAVE_SIZE && a ? enclave.base + a : a};
  struct op look = {.number = EXIT_INFORMATION, .b = skip};
  CHECK_EQ(enter_op(&enclave, &op), vector);
  CHECK_EQ(enclave.run.function, ERESUME);
  CHECK_EQ(enclave.run.exception_error_code, error);
  CHECK_EQ(enclave.run.exception_addr, address ? enclave.base + address : 0);
  CHECK_EQ(enter_op(&enclave, &look), 0);
  CHECK_EQ(look.result,
           vector == 14 || vector == 13 ? 0 : 0x80000300 | (vector & 0xff)); /* MISCSELECT.EXINFO is off */
  CHECK_EQ(look.c - enclave.base >= CODE && look.c - enclave.base < CODE + PAGE, 1);
  CHECK_EQ(resume(&enclave), 0);
}
TEST(undefined_opcode) { expect_exception(UNDEFINED, 6, 0, 0, 0, 2); }
TEST(divide_error) { expect_exception(DIVIDE, 256, 0, 0, 0, 2); }
TEST(alignment_check) { expect_exception(ALIGNMENT, 17, 0, BUFFER, 0, 3); }
TEST(floating_point_error) { expect_exception(X87, 16, 0, 0, 0, 1); }
TEST(simd_floating_point_error) { expect_exception(SIMD, 19, 0, 0, 0, 4); }
TEST(system_call_is_undefined) { expect_exception(SYSTEM_CALL, 6, 0, 0, 0, 2); }
TEST(page_fault_on_a_read_only_page_tells_the_page) {
  expect_exception(PUT, 14, FAULT_P | FAULT_W | FAULT_U, READ_ONLY + 0x123, READ_ONLY, 3);
}
TEST(page_fault_on_a_tcs_is_the_processors) {
  expect_exception(GET, 14, FAULT_P | FAULT_U | FAULT_SGX, TCS_1 + 8, TCS_1, 3);
}
TEST(page_fault_where_nothing_is_mapped) { expect_exception(GET, 14, FAULT_U, DYNAMIC + 64, DYNAMIC, 3); }

TEST(faults_of_eenter_itself) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = UNDEFINED};
  enclave.run.tcs = enclave.base + TCS_0 + 8;
  CHECK_EQ(enter_op(&enclave, &op), 13);
  CHECK_EQ(enclave.run.function, EENTER);
  enclave.run.tcs = enclave.base + DATA;
  CHECK_EQ(enter_op(&enclave, &op), 14);
  CHECK_EQ(enclave.run.exception_addr, enclave.base + DATA);
  enclave.run.tcs = enclave.base + TCS_0;
  CHECK_EQ(resume(&enclave), 13); /* nothing to resume */
  CHECK_EQ(enclave.run.function, ERESUME);
  CHECK_EQ(enter_op(&enclave, &op), 6);
  CHECK_EQ(enter_op(&enclave, &op), 6);
  CHECK_EQ(enter_op(&enclave, &op), 13); /* both SSA frames are taken */
  CHECK_EQ(enclave.run.function, EENTER);
}

static volatile sig_atomic_t signals;
static volatile uint64_t stop;
static void count(int number) {
  (void)number;
  if (++signals == 5) stop = 1;
}
TEST(signals_interrupt_and_the_enclave_goes_on) {
  struct enclave enclave;
  load(&enclave);
  signal(SIGALRM, count);
  const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &often, 0);
  CHECK(simple(&enclave, SPIN, (uint64_t)&stop, 0, 0) > 0);
  setitimer(ITIMER_REAL, &never, 0);
  CHECK(signals >= 5);
}

static sigjmp_buf out;
static uint64_t seen_rip, seen_rax;
static void leave(int number, siginfo_t* info, void* context) {
  (void)number, (void)info;
  const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  seen_rip = (uint64_t)registers[REG_RIP];
  seen_rax = (uint64_t)registers[REG_RAX];
  siglongjmp(out, 1);
}
TEST(a_signal_handler_sees_the_exit_not_the_enclave) {
  struct enclave enclave;
  load(&enclave);
  struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, 0);
  const struct itimerval once = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &once, 0);
  static uint64_t forever;
  struct op op = {.number = SPIN, .a = (uint64_t)&forever};
  if (!sigsetjmp(out, 1)) {
    enter_op(&enclave, &op);
    CHECK(0);
  }
  CHECK_EQ(seen_rax, ERESUME);
  CHECK(seen_rip - enclave.base >= ENCLAVE_SIZE);
  struct op look = {.number = EXIT_INFORMATION};
  CHECK_EQ(enter_op(&enclave, &look), 0); /* the interrupted state lies in frame 0 */
  CHECK_EQ(look.result, 0);
  forever = 1;
  CHECK_EQ(resume(&enclave), 0);
}

TEST(breakpoints_come_as_sigtrap) {
  struct enclave enclave;
  load(&enclave);
  signal(SIGTRAP, count);
  CHECK_EQ(simple(&enclave, BREAKPOINT, 0, 0, 0), 0x33);
  CHECK_EQ(signals, 1);
}

TEST(blocked_signals_do_not_matter_to_enclaves) {
  struct enclave enclave;
  load(&enclave);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, 0);
  struct op op = {.number = UNDEFINED};
  CHECK_EQ(enter_op(&enclave, &op), 6);
}

TEST(the_programs_own_handlers_keep_working) {
  struct enclave enclave;
  load(&enclave);
  static char stack[65536];
  const stack_t wanted = {.ss_sp = stack, .ss_size = sizeof stack};
  simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0);
  CHECK_EQ(sigaltstack(&wanted, 0), 0);
  stack_t set;
  sigaltstack(0, &set);
  CHECK(set.ss_sp == stack);
  struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old;
  CHECK_EQ(sigaction(SIGSEGV, &action, &old), 0);
  CHECK(old.sa_handler == SIG_DFL);
  if (!sigsetjmp(out, 1)) {
    *(volatile int*)16 = 1;
    CHECK(0);
  }
  CHECK_EQ(sigaction(SIGSEGV, 0, &old), 0);
  CHECK(old.sa_sigaction == leave);
  CHECK_EQ(simple(&enclave, GET, enclave.base + READ_ONLY, 0, 0), 0x5a5a5a5a5a5a5a5a);
}

TEST(enclu_by_the_program_itself) {
  struct enclave enclave;
  load(&enclave);
  struct op op = {.number = GET, .a = enclave.base + READ_ONLY};
  direct_enclu(&op, EENTER, enclave.base + TCS_0);
  CHECK_EQ(op.result, 0x5a5a5a5a5a5a5a5a);
}

TEST(report_says_what_the_signature_says) {
  struct enclave enclave;
  load(&enclave);
  uint8_t report[432];
  simple(&enclave, REPORT, (uint64_t)report, 0, 0);
  uint64_t attributes, xfrm;
  uint16_t product;
  memcpy(&attributes, report + 48, 8);
  memcpy(&xfrm, report + 56, 8);
  memcpy(&product, report + 256, 2);
  CHECK_EQ(memcmp(report + 64, enclave.sigstruct.mrenclave, 32), 0);
  CHECK_EQ(attributes, ATTRIBUTE_MODE64 | ATTRIBUTE_DEBUG | 1);
  CHECK_EQ(xfrm, 3);
  CHECK_EQ(product, 7);
  CHECK_EQ(report[320] | report[321] << 8, 0x1122);
}

TEST(seal_keys_are_stable_and_requests_are_checked) {
  struct enclave enclave;
  load(&enclave);
  uint64_t key[2] = {0}, again_key[2] = {0};
  CHECK_EQ(simple(&enclave, KEY, (uint64_t)key, 4 | 1 << 16, 0), 0);
  CHECK_EQ(simple(&enclave, KEY, (uint64_t)again_key, 4 | 1 << 16, 0), 0);
  CHECK(key[0] != 0 && key[0] == again_key[0] && key[1] == again_key[1]);
  CHECK_EQ(simple(&enclave, KEY, (uint64_t)key, 1, 0), 2);   /* provisioning: SGX_INVALID_ATTRIBUTE */
  CHECK_EQ(simple(&enclave, KEY, (uint64_t)key, 9, 0), 256); /* SGX_INVALID_KEYNAME */
}
