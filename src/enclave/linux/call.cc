#include "enclave/linux/call.h"

#include <cstddef>

namespace clemmys::enclave {

// The seventh argument goes on the stack; RSP is a multiple of 16 at the call.
extern "C" __attribute__((naked)) int clemmys_call_vdso(const VdsoCall*) {
  asm volatile(
      "push %%rbp\n push %%rbx\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n"
      "sub $8, %%rsp\n stmxcsr (%%rsp)\n fnstcw 4(%%rsp)\n"
      "mov %%rdi, %%r10\n"
      "sub $8, %%rsp\n push %c[run](%%r10)\n"
      "mov %c[rdi](%%r10), %%rdi\n mov %c[rsi](%%r10), %%rsi\n mov %c[rdx](%%r10), %%rdx\n"
      "mov %c[function](%%r10), %%rcx\n mov %c[r8](%%r10), %%r8\n mov %c[r9](%%r10), %%r9\n"
      "call *%c[enter](%%r10)\n"
      "add $16, %%rsp\n cld\n ldmxcsr (%%rsp)\n fldcw 4(%%rsp)\n add $8, %%rsp\n"
      "pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbx\n pop %%rbp\n ret\n" ::[run] "i"(
          offsetof(VdsoCall, run)),
      [rdi] "i"(offsetof(VdsoCall, rdi)), [rsi] "i"(offsetof(VdsoCall, rsi)),
      [rdx] "i"(offsetof(VdsoCall, rdx)), [function] "i"(offsetof(VdsoCall, function)),
      [r8] "i"(offsetof(VdsoCall, r8)), [r9] "i"(offsetof(VdsoCall, r9)),
      [enter] "i"(offsetof(VdsoCall, enter)));
}

}  // namespace clemmys::enclave
