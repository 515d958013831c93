/* translated.h: how C that wasm2c made is compiled (clang -include). Accesses are not checked by code: the
 * memory lies among guards (guard.h). Operations on ranges are, and the stack is checked at each function's
 * entry against an address, not by a depth that says nothing about bytes. Trust: shared by every sandboxed
 * module; C and C++. */
#ifndef CLEMMYS_RUNTIME_WASM_TRANSLATED_H
#define CLEMMYS_RUNTIME_WASM_TRANSLATED_H

#define WASM_RT_MEMCHECK_SIGNAL_HANDLER 1
#define WASM_RT_USE_STACK_DEPTH_COUNT 1
#include <wasm-rt.h>

#ifdef __cplusplus
extern "C" {
#endif
/* clemmys_wasm_stack_limit: the lowest stack address that translated code of this thread may reach. */
extern __thread uintptr_t clemmys_wasm_stack_limit;
#ifdef __cplusplus
}
#endif

static inline uintptr_t clemmys_wasm_stack_pointer(void) {
  uintptr_t pointer;
  __asm__("mov %%rsp, %0" : "=r"(pointer));
  return pointer;
}

/* The translation's prologue is `if (++wasm_rt_call_stack_depth > WASM_RT_MAX_CALL_STACK_DEPTH) trap`, its
 * epilogue
 * `--wasm_rt_call_stack_depth`: the count becomes a literal that the compiler drops, the maximum the check of
 * the address. */
#define wasm_rt_call_stack_depth ((uint32_t){0})
#undef WASM_RT_MAX_CALL_STACK_DEPTH
#define WASM_RT_MAX_CALL_STACK_DEPTH \
  (clemmys_wasm_stack_pointer() < clemmys_wasm_stack_limit ? 0u : UINT32_MAX)

#endif
