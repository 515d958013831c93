// What runtimes need of signals: handlers for their own faults, on a stack of their own, that return or jump
// away; raise, masks, pending signals; and the default action. argv[1] names the part.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

namespace {

sigjmp_buf away;
volatile sig_atomic_t seen;
char* page;

void handle(int number, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(number, &action, nullptr);
}

void count(int, siginfo_t*, void*) { seen = seen + 1; }
void jump(int number, siginfo_t*, void*) { siglongjmp(away, number); }
// A garbage collector's write barrier: makes the page writable and lets the instruction run again.
void open_page(int, siginfo_t* info, void*) {
  const bool here = info->si_addr == page + 100;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
  seen = here ? 7 : -1;
}
// Steps over a two-byte instruction.
void skip(int, siginfo_t*, void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;
  seen = 9;
}
bool on_alternate;
char alternate[64 << 10];
void where(int number, siginfo_t*, void*) {
  char here;
  on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
  siglongjmp(away, number);
}

int overflow(int depth) {
  volatile char frame[8192];
  frame[depth % 8192] = 1;
  return depth < 0 ? 0 : overflow(depth + 1) + frame[depth % 8192];
}

void handlers() {
  handle(SIGUSR1, count, 0);
  for (int i = 0; i < 100; ++i) raise(SIGUSR1);
  std::printf("raised %d\n", static_cast<int>(seen));
  seen = 0;
  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, &old);
  kill(getpid(), SIGUSR1);
  sigpending(&pending);
  std::printf("blocked %d %d\n", static_cast<int>(seen), sigismember(&pending, SIGUSR1));
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  std::printf("unblocked %d\n", static_cast<int>(seen));

  page = static_cast<char*>(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  handle(SIGSEGV, open_page, 0);
  double kept = 1.5;
  asm volatile("" : "+x"(kept));  // in a vector register while the handler runs
  page[100] = 'w';
  asm volatile("" : "+x"(kept));
  std::printf("barrier %d %c %.1f\n", static_cast<int>(seen), page[100], kept);

  handle(SIGILL, skip, 0);
  asm volatile("ud2" ::: "memory");
  std::printf("skipped %d\n", static_cast<int>(seen));

  handle(SIGFPE, jump, 0);
  if (const int number = sigsetjmp(away, 1)) {
    std::printf("division %d\n", number == SIGFPE);
  } else {
    volatile int zero = 0;
    std::printf("%d\n", 1 / zero);
  }
  stack_t stack{};
  stack.ss_sp = alternate;
  stack.ss_size = sizeof alternate;
  sigaltstack(&stack, nullptr);
  handle(SIGSEGV, where, SA_ONSTACK);
  if (const int number = sigsetjmp(away, 1))
    std::printf("overflow %d on its stack %d\n", number == SIGSEGV, on_alternate);
  else
    std::printf("%d\n", overflow(0));
  handle(SIGSEGV, jump, 0);
  if (const int number = sigsetjmp(away, 1))
    std::printf("null %d\n", number == SIGSEGV);
  else
    std::printf("%d\n", *static_cast<volatile int*>(nullptr));

  seen = 0;
  handle(SIGUSR2, count, 0);
  std::thread sleeper([] {
    while (seen == 0) usleep(1000);
  });
  pthread_kill(sleeper.native_handle(), SIGUSR2);
  sleeper.join();
  std::printf("to a thread %d\n", static_cast<int>(seen));
}

struct alignas(4096) Constant {
  void (*function)();
};
extern const Constant relocated;
const Constant relocated = {+[] { std::printf("constant\n"); }};  // lies in RELRO: it needs a relocation

int fault(std::string_view part) {
  std::printf("before\n");
  if (part == "abort") std::abort();
  if (part == "term") raise(SIGTERM);
  if (part == "relro") {
    auto* place = reinterpret_cast<volatile char*>(const_cast<Constant*>(&relocated));
    asm volatile("" : "+r"(place));
    *place = 1;
  }
  if (part == "text") *reinterpret_cast<volatile char*>(reinterpret_cast<std::size_t>(&fault)) = 1;
  page = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  page[0] = page[4096] = '\xc3';
  if (part == "readonly") mprotect(page, 4096, PROT_READ), page[4096] = 1, page[0] = 1;
  if (part == "none") mprotect(page + 4096, 4096, PROT_NONE), page[0] = page[4096];
  if (part == "execute") reinterpret_cast<void (*)()>(page)();
  if (part == "twice") {  // read-only, writable, read-only again; what was written stays
    for (int i = 0; i < 3; ++i) {
      mprotect(page, 8192, PROT_READ);
      mprotect(page, 8192, PROT_READ | PROT_WRITE);
      page[i] = static_cast<char>('a' + i);
    }
    std::printf("%.3s\n", page);
    mprotect(page, 8192, PROT_READ);
    page[2] = 1;
  }
  std::printf("after\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  if (argc > 1) return fault(argv[1]);
  handlers();
  relocated.function();
  return 0;
}
