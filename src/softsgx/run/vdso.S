# vdso.S: the image that stands in for the kernel's vDSO: an ELF object of its own, linked like one (linux-vdso.so.1, version
# LINUX_2.6, DT_HASH and DT_GNU_HASH), which vdso.cc maps and programs find by AT_SYSINFO_EHDR. __vdso_sgx_enter_enclave keeps the
# contract of <asm/sgx.h>: RBX, RBP and RSP come back, the enclave sees all other registers as the caller has them, the stack
# belongs to the enclave and the handler while they run. The other functions lead to the kernel's own.
  .text
  .globl __vdso_sgx_enter_enclave, softsgx_vdso_places
  .type __vdso_sgx_enter_enclave, @function
__vdso_sgx_enter_enclave:
  .cfi_startproc
  push %rbp
  .cfi_def_cfa_offset 16
  .cfi_offset %rbp, -16
  mov %rsp, %rbp
  .cfi_def_cfa_register %rbp
  push %rbx
  .cfi_offset %rbx, -24
  mov %ecx, %eax
enter:                             # EAX: the leaf; 16(%rbp): struct sgx_enclave_run
  lea -2(%rax), %ecx               # 2 EENTER, 3 ERESUME
  cmp $1, %ecx
  ja invalid
  mov 16(%rbp), %rbx
  mov $27, %ecx                    # reserved[216] at 40: 27 words of zero
1:
  cmpq $0, 32(%rbx,%rcx,8)
  jne invalid
  dec %ecx
  jnz 1b
  mov (%rbx), %rbx                 # tcs
  lea softsgx_vdso_enclu(%rip), %rcx
softsgx_vdso_enclu:                # stands for ENCLU, three bytes: EENTER, ERESUME and the AEP in one
  int3
  nop
  nop
  mov 16(%rbp), %rbx               # EEXIT leads here
  movl $4, 8(%rbx)                 # function = EEXIT
left:
  mov 24(%rbx), %rax               # user_handler
  test %rax, %rax
  jnz call_handler
done:
  mov -8(%rbp), %rbx
  leave
  .cfi_remember_state
  .cfi_def_cfa %rsp, 8
  ret
  .cfi_restore_state
invalid:
  mov $-22, %eax                   # -EINVAL
  jmp done
softsgx_vdso_exception:            # EAX leaf, DI vector, SI error code, RDX address
  mov 16(%rbp), %rbx
  mov %eax, 8(%rbx)
  mov %di, 12(%rbx)
  mov %si, 14(%rbx)
  mov %rdx, 16(%rbx)
  jmp left
call_handler:                      # (rdi, rsi, rdx, rsp, r8, r9, run); RSP may be anywhere below the frame
  mov %rsp, %rcx
  mov %rsp, %rbx
  and $-16, %rsp
  push 16(%rbp)
  push 16(%rbp)
  cld
  call *%rax
  mov %rbx, %rsp
  test %eax, %eax
  jle done
  jmp enter
  .cfi_endproc
  .size __vdso_sgx_enter_enclave, . - __vdso_sgx_enter_enclave

# Each jumps to where softsgx_vdso_functions says, in this order; vdso.cc has the same list.
  .macro forward name, index
  .globl __vdso_\name
  .weak \name
  .type __vdso_\name, @function
  .type \name, @function
__vdso_\name:
\name:
  jmp *softsgx_vdso_functions + 8 * \index(%rip)
  .size __vdso_\name, . - __vdso_\name
  .size \name, . - \name
  .endm
  forward clock_gettime, 0
  forward gettimeofday, 1
  forward time, 2
  forward getcpu, 3
  forward clock_getres, 4
  .balign 8
softsgx_vdso_functions:
  .fill 5, 8, 0
softsgx_vdso_places:               # the entry point of the image: VdsoPlaces of vdso.cc
  .long softsgx_vdso_enclu - softsgx_vdso_places, softsgx_vdso_exception - softsgx_vdso_places
  .long softsgx_vdso_functions - softsgx_vdso_places, __vdso_sgx_enter_enclave - softsgx_vdso_places
  .section .note.GNU-stack, "", @progbits
