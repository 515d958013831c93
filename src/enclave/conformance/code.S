# code.S: the one code page of the conformance enclave. Position independent; entered with a command in RDI (conformance.h
# names them) and its operands in RSI, RDX, R8, R9. Leaves by EEXIT to the address that EENTER gave in RCX, with RDI, RSI,
# R8, R9 as results. Entered with CSSA = 1 it looks at SSA frame 0, which the layout puts one page after the TCS.
  .section .rodata.conformance, "a"
  .balign 4096
  .globl conformance_code, conformance_code_end
  .hidden conformance_code, conformance_code_end
conformance_code:
  mov %rcx, %r14                 # where EEXIT goes
  imul $0x1000, %rax, %r15
  lea 0x2000-184(%rbx,%r15), %r15 # GPRSGX of the frame of this entry
  test %eax, %eax
  jnz on_exception
  cmp $18, %rdi
  ja leave
  lea table(%rip), %r10
  movslq (%r10,%rdi,4), %r11
  add %r10, %r11
  jmp *%r11
table:
  .long echo - table, invalid - table, read - table, write - table, divide - table, system_call - table
  .long breakpoint - table, leaf - table, registers - table, spin - table, execute - table, segments - table
  .long copy - table, outside_jump - table, aligned - table, flags - table, processor_identity - table, extended_control - table, alignment_check - table
leave:                           # with the RSP and RBP of whoever entered or resumed last: the vDSO function stands on them
  mov 144(%r15), %rsp
  mov 152(%r15), %rbp
  mov %r14, %rbx
  mov $4, %eax
  .byte 0x0f, 0x01, 0xd7

echo:
  lea (%rsi,%rdx), %rdi
  jmp leave
invalid:
  ud2
  mov $0x77, %edi
  jmp leave
read:
  mov (%rsi), %rdi
  jmp leave
write:
  mov %rdx, (%rsi)
  jmp leave
divide:
  xor %ecx, %ecx
  xor %edx, %edx
  div %ecx
  jmp leave
system_call:
  mov $39, %eax
  syscall
  mov $0x55, %edi
  jmp leave
breakpoint:
  int3
  mov $0x33, %edi
  jmp leave
leaf:                            # RSI leaf, RDX → RBX, R8 → RCX, R9 → RDX; results: RDI = RAX, RSI = RFLAGS
  mov %rsi, %rax
  mov %rdx, %rbx
  mov %r8, %rcx
  mov %r9, %rdx
  .byte 0x0f, 0x01, 0xd7
  pushfq
  pop %rsi
  mov %rax, %rdi
  jmp leave
spin:                            # until the word at RSI is not zero
  mov (%rsi), %eax
  test %eax, %eax
  pause
  jz spin
  mov $0x99, %edi
  jmp leave
execute:
  call *%rsi
  jmp leave
segments:
  rdfsbase %rdi
  rdgsbase %rsi
  jmp leave
copy:                            # from RSI to RDX, R8 bytes
  mov %rdx, %rdi
  mov %r8, %rcx
  rep movsb
  jmp leave
outside_jump:
  jmp *%rsi
aligned:
  movaps 1(%rip), %xmm0
  jmp leave
flags:                           # leaves with DF set: the host must not notice
  std
  mov $0x11, %edi
  jmp leave

processor_identity:
  mov $0, %eax
  mov $0, %ecx
  cpuid
  mov %rax, %rdi
  jmp leave
extended_control:
  xor %ecx, %ecx
  xgetbv
  mov %rax, %rdi
  jmp leave

alignment_check:                 # an exception with AC set; RDI = RFLAGS after it
  pushfq
  orl $0x40000, (%rsp)
  popfq
  ud2
  pushfq
  mov (%rsp), %rdi
  andl $~0x40000, (%rsp)
  popfq
  jmp leave

# registers: every register gets a value, an exception interrupts, and after ERESUME each is compared. RDI = number of differences.
registers:
  lea 2048(%rsi), %rsp           # the outside stack is not ours: use the data page in RSI
  push %r15
  push %r14
  vmovups pattern(%rip), %ymm0
  vmovups pattern(%rip), %ymm7
  vmovups pattern(%rip), %ymm15
  fldpi
  ldmxcsr rounding(%rip)
  mov $0x101, %rax
  mov $0x102, %rbx
  mov $0x103, %rcx
  mov $0x104, %rdx
  mov $0x105, %rsi
  mov $0x106, %rdi
  mov $0x107, %rbp
  mov $0x108, %r8
  mov $0x109, %r9
  mov $0x10a, %r10
  mov $0x10b, %r11
  mov $0x10c, %r12
  mov $0x10d, %r13
  mov $0x10e, %r14
  mov $0x10f, %r15
  stc
  std
  ud2
  pushfq                         # CF and DF are still set
  cld
  push %rax
  mov 8(%rsp), %rax
  and $0x401, %eax
  cmp $0x401, %eax
  pop %rax
  jne differs
  add $8, %rsp
  cmp $0x101, %rax
  jne differs
  cmp $0x102, %rbx
  jne differs
  cmp $0x103, %rcx
  jne differs
  cmp $0x104, %rdx
  jne differs
  cmp $0x105, %rsi
  jne differs
  cmp $0x106, %rdi
  jne differs
  cmp $0x107, %rbp
  jne differs
  cmp $0x108, %r8
  jne differs
  cmp $0x109, %r9
  jne differs
  cmp $0x10a, %r10
  jne differs
  cmp $0x10b, %r11
  jne differs
  cmp $0x10c, %r12
  jne differs
  cmp $0x10d, %r13
  jne differs
  cmp $0x10e, %r14
  jne differs
  cmp $0x10f, %r15
  jne differs
  fldpi
  fcomip %st(1), %st
  jne differs
  fstp %st(0)
  push %rax
  stmxcsr (%rsp)
  mov (%rsp), %eax
  cmp rounding(%rip), %eax
  pop %rax
  jne differs
  vxorps pattern(%rip), %ymm0, %ymm0
  vxorps pattern(%rip), %ymm7, %ymm7
  vxorps pattern(%rip), %ymm15, %ymm15
  vorps %ymm0, %ymm7, %ymm7
  vorps %ymm7, %ymm15, %ymm15
  vptest %ymm15, %ymm15
  jnz differs
  xor %edi, %edi
  jmp restored
differs:
  mov $1, %edi
restored:
  vzeroupper
  ldmxcsr default_rounding(%rip)
  pop %r14
  pop %r15
  jmp leave
  .balign 32
pattern:
  .quad 0x0123456789abcdef, 0x1122334455667788, 0xfedcba9876543210, 0xa5a5a5a55a5a5a5a
rounding:
  .long 0x7f80
default_rounding:
  .long 0x1f80

# on_exception: RSI is added to the RIP of frame 0. Results: RDI EXITINFO, RSI RIP before (offset), R8 EXINFO.MADDR, R9 EXINFO.ERRCD.
on_exception:
  lea 0x2000-184(%rbx), %r10     # GPRSGX of frame 0
  mov 160(%r10), %edi
  mov 136(%r10), %rdx
  add %rdx, %rsi
  mov %rsi, 136(%r10)
  lea conformance_code(%rip), %rsi
  sub %rsi, %rdx
  mov %rdx, %rsi
  mov -16(%r10), %r8
  mov -8(%r10), %r9d
  jmp leave
conformance_code_end:
  .section .note.GNU-stack, "", @progbits
