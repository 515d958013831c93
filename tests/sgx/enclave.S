# enclave.S: the code page of the tests' enclave, at offset 0x3000; data pages at 0x4000 (SECINFO) and 0x5000 (report, key, buffer).
# RDI points to struct op outside: number, a, b, c, result. The host's RSP and RBP stay as they are.
  .section .rodata
  .globl enclave_code, enclave_code_end
  .balign 4096
enclave_code:
  mov %rcx, %r9                  # where EEXIT goes
  mov %rbx, %r8                  # the TCS
  mov (%rdi), %rax
  mov 8(%rdi), %rsi              # a
  mov 16(%rdi), %rdx             # b
  cmp $19, %rax
  ja leave
  lea table(%rip), %r10
  movslq (%r10,%rax,4), %r11
  add %r10, %r11
  jmp *%r11
table:
  .long put - table, get - table, accept - table, extend - table, accept_copy - table
  .long undefined - table, report - table, key - table, divide - table, dirty - table
  .long breakpoint - table, system_call - table, spin - table, exit_information - table, registers - table
  .long vector - table, illegal - table, alignment - table, x87 - table, simd - table
leave:
  mov %r9, %rbx
  mov $4, %eax
  enclu
put:
  mov %rdx, (%rsi)
  jmp leave
get:
  mov (%rsi), %rax
  mov %rax, 32(%rdi)
  jmp leave
accept:
  lea enclave_code + 0x1000(%rip), %rbx
  mov %rdx, (%rbx)
  mov %rsi, %rcx
  mov $5, %eax
  enclu
  mov %rax, 32(%rdi)
  jmp leave
extend:
  lea enclave_code + 0x1000(%rip), %rbx
  mov %rdx, (%rbx)
  mov %rsi, %rcx
  mov $6, %eax
  enclu
  jmp leave
accept_copy:
  lea enclave_code + 0x1000(%rip), %rbx
  mov %rdx, (%rbx)
  mov %rsi, %rcx
  mov 24(%rdi), %rdx
  mov $7, %eax
  enclu
  mov %rax, 32(%rdi)
  jmp leave
undefined:
  ud2
  movq $0x77, 32(%rdi)
  jmp leave
report:                          # TARGETINFO 0x5000, REPORTDATA 0x5200, REPORT 0x5400, copied to a
  lea enclave_code + 0x2000(%rip), %rbx
  lea 0x200(%rbx), %rcx
  movq $0x1122, (%rcx)
  lea 0x400(%rbx), %rdx
  xor %eax, %eax
  enclu
  mov %rdi, %r10
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov $432, %ecx
  rep movsb
  mov %r10, %rdi
  jmp leave
key:                             # KEYREQUEST 0x5800: name and policy in b; the key to a
  lea enclave_code + 0x2800(%rip), %rbx
  mov %edx, (%rbx)
  lea 0x200(%rbx), %rcx
  mov $1, %eax
  enclu
  mov %rax, 32(%rdi)
  mov (%rcx), %rax
  mov %rax, (%rsi)
  mov 8(%rcx), %rax
  mov %rax, 8(%rsi)
  jmp leave
divide:
  xor %ecx, %ecx
  xor %edx, %edx
  mov $1, %eax
  div %ecx
  jmp leave
dirty:                           # as the contract allows: volatile registers, DF, more on the stack
  mov $-1, %r10
  mov %r10, %r11
  mov %r10, %r8
  push %r10
  push %r10
  push %r10
  std
  jmp leave
breakpoint:
  int3
  movq $0x33, 32(%rdi)
  jmp leave
system_call:
  mov $39, %eax
  syscall
  jmp leave
spin:
  incq 32(%rdi)
  mov (%rsi), %rax
  test %rax, %rax
  pause
  jz spin
  jmp leave
exit_information:                # nested entry: EXITINFO and RIP of frame 0, one page after the TCS; skips b bytes there
  lea 0x2000 - 184(%r8), %r10
  mov 160(%r10), %eax
  mov %rax, 32(%rdi)
  mov 136(%r10), %rax
  mov %rax, 24(%rdi)
  add %rdx, 136(%r10)
  jmp leave
registers:                       # FS and GS base
  rdfsbase %rax
  mov %rax, 24(%rdi)
  rdgsbase %rax
  mov %rax, 32(%rdi)
  jmp leave
vector:                          # YMM5 from a, an exception, YMM5 to behind it
  vmovdqu (%rsi), %ymm5
  ud2
  vmovdqu %ymm5, 32(%rsi)
  jmp leave
illegal:                         # the instruction at index a
  shl $4, %rsi
  lea instructions(%rip), %r10
  add %r10, %rsi
  mov $0x70, %edx
  jmp *%rsi
alignment:                       # with RFLAGS.AC a word at a + 1
  pushfq
  orq $0x40000, (%rsp)
  popfq
  mov 1(%rsi), %eax
  pushfq
  andq $~0x40000, (%rsp)
  popfq
  jmp leave
x87:                             # a division by zero, unmasked, and FWAIT
  fninit
  push $0x37b
  fldcw (%rsp)
  pop %rax
  fld1
  fldz
  fdivrp
  fwait
  fninit
  jmp leave
simd:                            # the same in SSE
  push $0x1d80
  ldmxcsr (%rsp)
  pxor %xmm0, %xmm0
  mov $1, %eax
  cvtsi2ss %eax, %xmm1
  divss %xmm0, %xmm1
  movl $0x1f80, (%rsp)
  ldmxcsr (%rsp)
  pop %rax
  jmp leave
  .balign 16
instructions:
  .irp instruction, "inb $0x70, %al", "outb %al, %dx", "insb", "outsl", "int $0x21", "rdpmc", "cpuid", "hlt"
  \instruction
  jmp leave
  .balign 16
  .endr
enclave_code_end:
  .section .note.GNU-stack, "", @progbits
