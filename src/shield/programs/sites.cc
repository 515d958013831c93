// The two ways of a system call into the shield: a site that the packer rewrote into a jump, and one that it
// had to leave, so that it traps. Both must give the same answers and keep the same registers, flags and red
// zone.
#include <sys/syscall.h>

#include <cstdio>
#include <cstring>

namespace {

struct Registers {
  unsigned long rbx, rbp_low, rdx, rsi, rdi, r8, r9, r10, r12, r13, r14, r15, red_zone, flags;
};

// Enters the site named by `target` with every register set, and stores what comes back. rax is the result.
extern "C" long call_site(void (*target)(), long number, const unsigned long* arguments, Registers* after);
asm(R"(
  .text
  .type rewritten_site, @function
rewritten_site:
  mov %r11, %rax
  nopw 0(%rax,%rax,1)
  syscall
  ret
  .size rewritten_site, . - rewritten_site

  .type trapped_site, @function
trapped_site:
  mov %r11, %rax
  jmp 1f
  ud2
1:
  syscall
  ret
  .size trapped_site, . - trapped_site

  .globl call_site
  .type call_site, @function
call_site:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  push %rcx
  mov %rdi, %rbx
  mov %rsi, %r11
  mov %rdx, %rax
  mov 0(%rax), %rdi
  mov 8(%rax), %rsi
  mov 16(%rax), %rdx
  mov 24(%rax), %r10
  mov 32(%rax), %r8
  mov 40(%rax), %r9
  mov $0x1212, %r12
  mov $0x1313, %r13
  mov $0x1414, %r14
  mov $0x1515, %r15
  movq $0x7ed, -24(%rsp)
  xor %ecx, %ecx
  stc
  call *%rbx
  pushfq
  pop %rcx
  mov (%rsp), %r11
  mov %rbx, 0(%r11)
  mov %rdx, 16(%r11)
  mov %rsi, 24(%r11)
  mov %rdi, 32(%r11)
  mov %r8, 40(%r11)
  mov %r9, 48(%r11)
  mov %r10, 56(%r11)
  mov %r12, 64(%r11)
  mov %r13, 72(%r11)
  mov %r14, 80(%r11)
  mov %r15, 88(%r11)
  mov -24(%rsp), %rdx
  mov %rdx, 96(%r11)
  and $0xcd5, %rcx
  mov %rcx, 104(%r11)
  pop %rcx
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
  .size call_site, . - call_site
)");
extern "C" void rewritten_site();
extern "C" void trapped_site();

}  // namespace

int main() {
  char text[] = "written\n";
  long times[2];
  const struct {
    const char* name;
    long number;
    unsigned long arguments[6];
    bool same_result;
  } calls[] = {
      {"getpid", SYS_getpid, {1, 2, 3, 4, 5, 6}, true},
      {"write", SYS_write, {1, reinterpret_cast<unsigned long>(text), 8, 4, 5, 6}, true},
      {"bad descriptor", SYS_read, {999, reinterpret_cast<unsigned long>(text), 8, 4, 5, 6}, true},
      {"six arguments", SYS_mmap, {0, 4096, 3, 0x22, ~0ul, 0}, false},
      {"clock", SYS_clock_gettime, {1, reinterpret_cast<unsigned long>(times), 3, 4, 5, 6}, true},
      {"unknown", 9999, {1, 2, 3, 4, 5, 6}, true},
  };
  for (const auto& it : calls) {
    Registers jumped{}, trapped{};
    const long first = call_site(rewritten_site, it.number, it.arguments, &jumped);
    const long second = call_site(trapped_site, it.number, it.arguments, &trapped);
    trapped.rbx = jumped.rbx;  // the site's own address
    std::printf("%s: %s, registers %d, r12 %lx, flags %lx, red zone %lx\n", it.name,
                !it.same_result   ? (first > 0 && second > 0 ? "two" : "none")
                : first == second ? "same"
                                  : "differs",
                std::memcmp(&jumped, &trapped, sizeof jumped) == 0, trapped.r12, trapped.flags & 1,
                trapped.red_zone);
    std::fflush(stdout);
  }
  return 0;
}
