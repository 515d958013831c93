# call.S: int call_vdso(rdi, rsi, rdx, function, r8, r9, run, entry): calls the vDSO function and keeps what C wants kept, which the
# vDSO function does not do.
  .text
  .globl call_vdso
  .type call_vdso, @function
call_vdso:
  push %rbp
  mov %rsp, %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  sub $8, %rsp
  mov 24(%rbp), %rax
  sub $8, %rsp
  push 16(%rbp)
  call *%rax
  add $16, %rsp
  add $8, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
# direct_enclu(op, leaf, tcs, faulted): EENTER by the program's own instruction; the AEP is the ENCLU itself.
  .globl direct_enclu
  .type direct_enclu, @function
direct_enclu:
  push %rbx
  mov %esi, %eax
  mov %rdx, %rbx
  lea 1f(%rip), %rcx
1:
  enclu
  pop %rbx
  ret
# System calls as assembly programs have them, without unwind information: its result; what it leaves in the red zone.
  .globl hand_written_call
hand_written_call:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  syscall
  ret
  .globl red_zone_of_a_call
  .type red_zone_of_a_call, @function
red_zone_of_a_call:
  movq $0x5151, -64(%rsp)
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  syscall
  mov -64(%rsp), %rax
  ret
  .size red_zone_of_a_call, . - red_zone_of_a_call
# Data among code, as cryptographic libraries keep their tables there.
  .globl data_among_code, data_among_code_end
  .type data_among_code, @object
  .balign 64
data_among_code:
  .fill 512, 2, 0xa20f
data_among_code_end:
  .size data_among_code, . - data_among_code
  .section .note.GNU-stack, "", @progbits
