/* interruptible.h: translated C that can be ended while it runs (clang -include, after translated.h): a
 * user's module has no engine inside that would ask for the time. Each entry of a function and each jump back
 * to the start of a loop counts one step, a bulk operation on memory one for each 64 bytes; every
 * kStepsPerLook steps (deadline.cc) the deadline is asked, and before each bulk operation on a table.
 * CLEMMYS_WASM_STEP is put before the translation's `goto w2c_L…`, CLEMMYS_WASM_TABLE_STEP before its
 * `funcref_table_fill(` and the like, by who translates (src/cli/wasm_build.cc). C only. */
#ifndef CLEMMYS_RUNTIME_WASM_INTERRUPTIBLE_H
#define CLEMMYS_RUNTIME_WASM_INTERRUPTIBLE_H

#include <string.h>

#include "runtime/wasm/translated.h"

extern __thread int64_t clemmys_wasm_steps_left;
/* clemmys_wasm_look returns with more steps left, or traps. */
void clemmys_wasm_look(void);

#define CLEMMYS_WASM_STEP \
  if (UNLIKELY(--clemmys_wasm_steps_left < 0)) clemmys_wasm_look();

#define CLEMMYS_WASM_TABLE_STEP clemmys_wasm_look();

#undef WASM_RT_MAX_CALL_STACK_DEPTH
#define WASM_RT_MAX_CALL_STACK_DEPTH                                 \
  (clemmys_wasm_stack_pointer() < clemmys_wasm_stack_limit ? 0u : ({ \
    CLEMMYS_WASM_STEP                                                \
    UINT32_MAX;                                                      \
  }))

#define memset(to, value, size) (clemmys_wasm_steps_left -= (int64_t)((size) >> 6), memset(to, value, size))
#define memmove(to, from, size) (clemmys_wasm_steps_left -= (int64_t)((size) >> 6), memmove(to, from, size))
#define memcpy(to, from, size) (clemmys_wasm_steps_left -= (int64_t)((size) >> 6), memcpy(to, from, size))

#endif
