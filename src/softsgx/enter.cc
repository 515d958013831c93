// enter.cc: the moments in which registers belong to both worlds. Between `wrfsbase` and the jump the FS base
// is the enclave's: no C++, no thread-local storage there. A signal may arrive at any instruction:
// softsgx_signal_entry saves the FS base that it finds and puts it back.
#include "softsgx/control.h"

namespace clemmys::softsgx {

#define OFFSETS                                                                                            \
  [host_fs] "i"(offsetof(Control, host_fs)), [host_rsp] "i"(offsetof(Control, host_rsp)),                  \
      [enclave_fs] "i"(offsetof(Control, enclave_fs)), [enclave_gs] "i"(offsetof(Control, enclave_gs)),    \
      [entry] "i"(offsetof(Control, entry)), [tcs] "i"(offsetof(Control, tcs)),                            \
      [cssa] "i"(offsetof(Control, cssa)), [ursp] "i"(offsetof(Control, outside_rsp_slot)),                \
      [rdi] "i"(offsetof(Control, rdi)), [rsi] "i"(offsetof(Control, rsi)),                                \
      [rdx] "i"(offsetof(Control, rdx)), [r8] "i"(offsetof(Control, r8)), [r9] "i"(offsetof(Control, r9)), \
      [exit] "i"(offsetof(Control, exit_address)), [host_gs] "i"(offsetof(Control, host_gs)),              \
      [gpr] "i"(offsetof(Control, gpr)), [xfrm] "i"(offsetof(Control, xfrm)),                              \
      [frame] "i"(offsetof(Control, return_frame)), [xsave] "i"(offsetof(Control, xsave)),                 \
      [slot] "i"(-static_cast<long>(kSlotSize))

// SAVE_HOST keeps what the ABI wants kept, notes RSP for the way back and, as EENTER does, RSP and RBP in the
// SSA frame.
#define SAVE_HOST                                                                 \
  "push %%rbp\n push %%rbx\n push %%r12\n push %%r13\n push %%r14\n push %%r15\n" \
  "sub $8, %%rsp\n stmxcsr (%%rsp)\n fnstcw 4(%%rsp)\n"                           \
  "mov %%rsp, %c[host_rsp](%%rdi)\n"                                              \
  "mov %c[ursp](%%rdi), %%rax\n mov %%rsp, (%%rax)\n mov %%rbp, 8(%%rax)\n"

extern "C" __attribute__((naked)) void softsgx_eenter(Control*) {
  asm volatile(SAVE_HOST
               "mov %%rdi, %%r10\n"
               "mov %c[enclave_gs](%%r10), %%rax\n wrgsbase %%rax\n"
               "mov %c[enclave_fs](%%r10), %%rax\n wrfsbase %%rax\n"
               "mov %c[rdi](%%r10), %%rdi\n mov %c[rsi](%%r10), %%rsi\n mov %c[rdx](%%r10), %%rdx\n"
               "mov %c[r8](%%r10), %%r8\n mov %c[r9](%%r10), %%r9\n"
               "mov %c[tcs](%%r10), %%rbx\n"
               "mov %c[cssa](%%r10), %%rax\n"
               "mov %c[exit](%%r10), %%rcx\n"
               "jmp *%c[entry](%%r10)\n" ::OFFSETS);
}

extern "C" __attribute__((naked)) void softsgx_eresume(Control*) {
  asm volatile(
      SAVE_HOST
      "mov %c[xfrm](%%rdi), %%rax\n xor %%edx, %%edx\n xrstor64 %c[xsave](%%rdi)\n"
      "mov %c[enclave_gs](%%rdi), %%rax\n wrgsbase %%rax\n"
      "mov %c[enclave_fs](%%rdi), %%rax\n wrfsbase %%rax\n"
      "lea %c[frame](%%rdi), %%rsp\n"  // outside the signal stack: a signal here still switches to its top
      "lea %c[gpr](%%rdi), %%rdi\n"
      "mov 0(%%rdi), %%rax\n mov 8(%%rdi), %%rcx\n mov 16(%%rdi), %%rdx\n mov 24(%%rdi), %%rbx\n"
      "mov 40(%%rdi), %%rbp\n mov 48(%%rdi), %%rsi\n mov 64(%%rdi), %%r8\n mov 72(%%rdi), %%r9\n"
      "mov 80(%%rdi), %%r10\n mov 88(%%rdi), %%r11\n mov 96(%%rdi), %%r12\n mov 104(%%rdi), %%r13\n"
      "mov 112(%%rdi), %%r14\n mov 120(%%rdi), %%r15\n mov 56(%%rdi), %%rdi\n"
      "iretq\n" ::OFFSETS);
}

// RESTORE_HOST takes over from the enclave: rax is the Control block, FS and GS base are the host's.
#define RESTORE_HOST                                                                    \
  "mov %%rdi, %c[rdi](%%rax)\n mov %%rsi, %c[rsi](%%rax)\n mov %%rdx, %c[rdx](%%rax)\n" \
  "mov %%r8, %c[r8](%%rax)\n mov %%r9, %c[r9](%%rax)\n"                                 \
  "mov %c[host_rsp](%%rax), %%rsp\n"                                                    \
  "cld\n ldmxcsr (%%rsp)\n fldcw 4(%%rsp)\n add $8, %%rsp\n"                            \
  "pop %%r15\n pop %%r14\n pop %%r13\n pop %%r12\n pop %%rbx\n pop %%rbp\n ret\n"

// FS is the host's again; every other register is what the enclave left, so nothing but thread-local storage
// is trusted.
extern "C" __attribute__((naked)) void softsgx_after_enclu() {
  asm volatile(
      "mov softsgx_control@GOTTPOFF(%%rip), %%rax\n mov %%fs:(%%rax), %%rax\n" RESTORE_HOST ::OFFSETS);
}

// softsgx_exits has an address for each slot to exit to: a thread that comes here straight from an enclave
// has nothing but its RIP to find its Control block by, which is at the same place in the arena of slots.
extern "C" __attribute__((naked, aligned(16))) void softsgx_exits() {
  asm volatile(".rept %c[slots]\n .balign 16\n 1: lea 1b(%%rip), %%rax\n jmp softsgx_direct_exit\n .endr\n" ::
                   [slots] "i"(kSlotCount));
}

// softsgx_direct_exit: FS and GS base are the enclave's, or the host's already when the exit trapped.
extern "C" __attribute__((naked)) void softsgx_direct_exit() {
  asm volatile(
      "lea softsgx_exits(%%rip), %%rcx\n sub %%rcx, %%rax\n imul %[ratio], %%rax, %%rax\n"
      "add softsgx_arena_base(%%rip), %%rax\n"
      "mov %c[host_gs](%%rax), %%rcx\n wrgsbase %%rcx\n"
      "mov %c[host_fs](%%rax), %%rcx\n wrfsbase %%rcx\n" RESTORE_HOST ::OFFSETS,
      [ratio] "i"(kSlotSize / kExitSize));
}

// Calls softsgx_signal(number, info, context, Control* or null, FS base found), which returns the FS base to
// leave with. The enclave may have set AC: cleared first, or the compiler's unaligned accesses would fault.
extern "C" __attribute__((naked)) void softsgx_signal_entry(int, void*, void*) {
  asm volatile(
      "push %%rbx\n push %%r12\n sub $8, %%rsp\n"
      "pushfq\n andq $0xfffffffffffbffff, (%%rsp)\n popfq\n"
      "mov %%rsp, %%rbx\n sub softsgx_arena_base(%%rip), %%rbx\n cmp softsgx_arena_size(%%rip), %%rbx\n jae "
      "1f\n"
      "mov %%rsp, %%rbx\n and %[slot], %%rbx\n"
      "rdfsbase %%r12\n mov %c[host_fs](%%rbx), %%rax\n wrfsbase %%rax\n"
      "mov %%rbx, %%rcx\n mov %%r12, %%r8\n call softsgx_signal\n"
      "wrfsbase %%rax\n jmp 2f\n"
      "1: xor %%ecx, %%ecx\n rdfsbase %%r8\n call softsgx_signal\n wrfsbase %%rax\n"
      "2: add $8, %%rsp\n pop %%r12\n pop %%rbx\n ret\n" ::OFFSETS);
}

}  // namespace clemmys::softsgx
