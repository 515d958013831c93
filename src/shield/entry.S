// entry.S: the only ways into and out of the enclave, and between the program and the shield.
//
// On EENTER every register but rax (CSSA), rbx (TCS), rcx (where to exit to) and the GS base is the host's choice, as are
// the flags. Nothing of it is used before the stack is ours: GS base is the thread's data page, whose start is also the
// top of its shield stack; the exception stack lies below it, so that rsp tells the level. Which entry is allowed is
// decided by our own state alone: a start needs a spawned thread, a return needs a thread that waits for it at this
// level, and an exception (CSSA 1) runs on a stack of its own whatever rsp held (the SmashEx attack).
#include "shield/offsets.h"

  .section .rodata
  .balign 64
initial_xstate:                 // XSTATE_BV = 0: every component in its initial state; FCW and MXCSR as at process start
  .short 0x37f
  .fill 22, 1, 0
  .long 0x1f80, 0xffff
  .fill 832 - 32, 1, 0

  .bss
  .balign 4
shield_ended:                   // 1 once the process is done
  .long 0

  .text
  .globl shield_entry
  .balign 64
shield_entry:
  cmpl $0, shield_ended(%rip)
  jne .Lended
  mov %rax, %r8                 // level
  cmp $1, %r8
  ja .Lrefuse
  rdgsbase %rbx
  imul $LEVEL_SIZE, %r8, %rdx
  lea THREAD_LEVELS(%rbx, %rdx), %rdx
  cmp $ENTRY_RETURN, %rdi
  je .Lenter_return
  cmpq $0, LEVEL_WAITING(%rdx)
  jne .Lrefuse
  test %r8, %r8
  jnz .Lenter_exception

  cmp $ENTRY_START, %rdi
  jne .Lrefuse
  mov $STATE_SPAWNING, %eax
  mov $STATE_RUNNING, %r9d
  lock cmpxchg %r9d, THREAD_STATE(%rbx)
  jne .Lrefuse
  mov %rcx, LEVEL_EXIT_TARGET(%rdx)
  mov %rsp, LEVEL_HOST_RSP(%rdx)
  mov %rbp, LEVEL_HOST_RBP(%rdx)
  mov %rbx, %rsp
  pushq $2
  popfq
  mov $XFRM, %eax
  xor %edx, %edx
  xrstor initial_xstate(%rip)
  xor %ebp, %ebp
  mov %rbx, %rdi
  call shield_start             // (Thread*, HostThread*)
  ud2

.Lenter_exception:
  cmp $ENTRY_EXCEPTION, %rdi
  jne .Lrefuse
  mov %rcx, LEVEL_EXIT_TARGET(%rdx)
  mov %rsp, LEVEL_HOST_RSP(%rdx)
  mov %rbp, LEVEL_HOST_RBP(%rdx)
  lea EXCEPTION_STACK_TOP(%rbx), %rsp
  pushq $2
  popfq
  xor %ebp, %ebp
  mov %rbx, %rdi
  call shield_exception         // (Thread*)
  rdgsbase %rbx
  lea THREAD_LEVELS + LEVEL_SIZE(%rbx), %rbp
  mov $EXIT_RESUME, %edi
  jmp .Lleave

.Lenter_return:
  cmpq $1, LEVEL_WAITING(%rdx)
  jne .Lrefuse
  movq $0, LEVEL_WAITING(%rdx)
  mov %rcx, LEVEL_EXIT_TARGET(%rdx)
  mov %rsp, LEVEL_HOST_RSP(%rdx)
  mov %rbp, LEVEL_HOST_RBP(%rdx)
  mov LEVEL_SAVED_RSP(%rdx), %rsp
  pushq $2
  popfq
  test %r8, %r8
  jnz 1f
  mov $XFRM, %eax
  xor %edx, %edx
  xrstor THREAD_XSAVE(%rbx)
1:
  pop %rax
  wrfsbase %rax
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret

.Lended:                        // no thread runs on after exit_group or a panic, whatever the host enters
  mov %rcx, %rbx
  mov $EXIT_THREAD_DONE, %edi
  mov $4, %eax                  // EEXIT; every other register is the host's own still
  .byte 0x0f, 0x01, 0xd7
  ud2

.Lrefuse:                       // AEX; the exception handler then ends the process
  .globl shield_refused_entry
shield_refused_entry:
  ud2

// shield_exit_wait(reason): leaves, and returns when the host enters with kReturn. The program's vector state is kept at
// level 0; at level 1 it is in the SSA frame already.
  .globl shield_exit_wait
shield_exit_wait:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  rdfsbase %rax
  push %rax
  rdgsbase %rbx
  lea THREAD_LEVELS(%rbx), %rbp
  lea EXCEPTION_STACK_TOP(%rbx), %rax
  cmp %rax, %rsp
  jbe 1f
  mov $XFRM, %eax
  xor %edx, %edx
  xsave THREAD_XSAVE(%rbx)
  jmp 2f
1:
  add $LEVEL_SIZE, %rbp
2:
  mov %rsp, LEVEL_SAVED_RSP(%rbp)
  movq $1, LEVEL_WAITING(%rbp)

.Lleave:                        // rdi = ExitReason, rbp = Level
  mov $XFRM, %eax
  xor %edx, %edx
  xrstor initial_xstate(%rip)
  mov LEVEL_EXIT_TARGET(%rbp), %rbx
  mov LEVEL_HOST_RSP(%rbp), %rsp
  mov LEVEL_HOST_RBP(%rbp), %rbp
  xor %ecx, %ecx
  xor %esi, %esi
  xor %r8d, %r8d
  xor %r9d, %r9d
  xor %r10d, %r10d
  xor %r11d, %r11d
  xor %r12d, %r12d
  xor %r13d, %r13d
  xor %r14d, %r14d
  xor %r15d, %r15d
  .balign 16                    // together in one page
  nopl 0x54495845(%rax)         // a mark for software SGX (softsgx/direct_exit.h)
  mov $4, %eax                  // EEXIT
  .byte 0x0f, 0x01, 0xd7
  ud2

// shield_exit_final(reason): leaves for good. kThreadDone frees the slot first: the TCS itself stays busy until EEXIT.
  .globl shield_exit_final
shield_exit_final:
  rdgsbase %rbx
  lea THREAD_LEVELS(%rbx), %rbp
  lea EXCEPTION_STACK_TOP(%rbx), %rax
  cmp %rax, %rsp
  ja 1f
  add $LEVEL_SIZE, %rbp
1:
  cmp $EXIT_THREAD_DONE, %rdi
  je 2f
  movl $1, shield_ended(%rip)
  jmp .Lleave
2:
  movl $STATE_FREE, THREAD_STATE(%rbx)
  jmp .Lleave

// shield_syscall_entry: what SYSCALL would have entered, with its registers: rcx is where to go back to. Reached from the
// packer's trampolines directly, and from a trapped `syscall` by ERESUME. Everything but rax, rcx and r11 survives.
  .globl shield_syscall_entry
  .balign 64
shield_syscall_entry:
  mov %rsp, %gs:THREAD_PROGRAM_RSP
  rdgsbase %rsp
  pushq %gs:THREAD_PROGRAM_RSP
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  push %rax
  push %r8
  push %r9
  push %r10
  pushfq
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  pushq $2
  popfq
  mov %rsp, %rdi
  call shield_syscall           // (Registers*)
.Lload:
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  mov (%rsp), %r11
  popfq
  pop %r10
  pop %r9
  pop %r8
  pop %rax
  pop %rcx
  pop %rdx
  pop %rsi
  pop %rdi
  pop %rsp
  jmp *%rcx

// shield_load(Registers*): continues in the program with these registers. Does not return.
  .globl shield_load
shield_load:
  mov %rdi, %rsp
  jmp .Lload

  .section .note.GNU-stack, "", @progbits
