#include "softsgx/run/own_calls.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "softsgx/run/sites.h"

extern "C" {
bool softsgx_is_ours(long number);
long softsgx_own_syscall(long number, long a, long b, long c, long d, long e, long f);
void softsgx_own_call();
}

namespace clemmys::softsgx {
namespace {

// Stub is the instruction, and the way back behind its site.
struct Stub {
  std::uint8_t code[8] = {0x0f, 0x05, 0xff, 0x25, 0, 0, 0, 0};  // syscall; jmp *0(%rip)
  std::uint64_t back = 0;
};
constexpr std::uint64_t kSyscallSize = 2;

std::vector<std::uint64_t> addresses;
const Stub* stubs = nullptr;  // one for each address

// Saved is what softsgx_own_call has on the stack, last pushed first.
struct Saved {
  long r10, r9, r8, rdi, rsi, rdx, r11, rcx, rax;
};

}  // namespace

void intercept_own_calls(const std::vector<std::uint64_t>& sites) {
  // A sanitizer's runtime calls the kernel while our allocations wait for it.
  if (sites.empty() || ::dlsym(RTLD_DEFAULT, "__sanitizer_print_stack_trace") != nullptr) return;
  const std::size_t size = sites.size() * sizeof(Stub);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  auto* stub = static_cast<Stub*>(memory);
  for (const std::uint64_t site : sites) *stub++ = {.back = site + kSyscallSize};
  if (::mprotect(memory, size, PROT_READ | PROT_EXEC) != 0) return;
  stubs = static_cast<const Stub*>(memory);
  addresses = sites;
  for (const std::uint64_t site : sites) make_undefined(site);
}

bool own_call_trap(int number, ucontext_t& context) {
  auto* registers = context.uc_mcontext.gregs;
  const auto rip = static_cast<std::uint64_t>(registers[REG_RIP]);
  if (number != SIGILL || !std::ranges::binary_search(addresses, rip)) return false;
  const auto index = std::ranges::lower_bound(addresses, rip) - addresses.begin();
  if (!softsgx_is_ours(registers[REG_RAX])) {
    registers[REG_RIP] = reinterpret_cast<long long>(stubs + index);
    return true;
  }
  registers[REG_RCX] = static_cast<long long>(rip + kSyscallSize);  // as the instruction leaves them
  registers[REG_R11] = registers[REG_EFL];
  registers[REG_RIP] = reinterpret_cast<long long>(&softsgx_own_call);
  return true;
}

extern "C" void softsgx_serve_own_call(Saved* saved) {
  const int error = errno;
  errno = 0;
  const long result =
      softsgx_own_syscall(saved->rax, saved->rdi, saved->rsi, saved->rdx, saved->r10, saved->r8, saved->r9);
  saved->rax = result == -1 ? -errno : result;
  errno = error;
}

// A system call leaves the red zone alone, and all registers but RAX, RCX and R11: here the vector registers
// (XSAVE components 0 to 2 and 5 to 7) are saved around a function.
asm(R"(
  .pushsection .text
  .type softsgx_own_call, @function
softsgx_own_call:
  lea -128(%rsp), %rsp
  push %rbp
  mov %rsp, %rbp
  push %rax
  push %rcx
  push %r11
  push %rdx
  push %rsi
  push %rdi
  push %r8
  push %r9
  push %r10
  mov %rsp, %rdi
  cld
  sub $2752, %rsp
  and $-64, %rsp
  xor %eax, %eax
  .irp word, 512, 520, 528, 536, 544, 552, 560, 568
  mov %rax, \word(%rsp)
  .endr
  xor %edx, %edx
  mov $0xe7, %eax
  xsave64 (%rsp)
  call softsgx_serve_own_call
  xor %edx, %edx
  mov $0xe7, %eax
  xrstor64 (%rsp)
  lea -72(%rbp), %rsp
  pop %r10
  pop %r9
  pop %r8
  pop %rdi
  pop %rsi
  pop %rdx
  pop %r11
  pop %rcx
  pop %rax
  pop %rbp
  push %r11
  popfq
  lea 128(%rsp), %rsp
  jmp *%rcx
  .size softsgx_own_call, . - softsgx_own_call
  .popsection
)");

}  // namespace clemmys::softsgx
