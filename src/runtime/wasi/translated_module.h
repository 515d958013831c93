/* translated_module.h: a user's module between its translation (C by wasm2c) and this runtime. The prototypes
 * are seen by both sides, so that a compiler refuses a module that means another type by a name. C and C++.
 */
#ifndef CLEMMYS_RUNTIME_WASI_TRANSLATED_MODULE_H
#define CLEMMYS_RUNTIME_WASI_TRANSLATED_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/wasi/call_list.h"
#include "runtime/wasm/translated.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t u32;
typedef uint64_t u64;

/* Z_wasi_snapshot_preview1_instance_t: what each call gets; the runtime's (command.cc). */
struct Z_wasi_snapshot_preview1_instance_t;

#define CLEMMYS_WASI_PROTOTYPE(name, ...)                                                         \
  u32 Z_wasi_snapshot_preview1Z_##name(struct Z_wasi_snapshot_preview1_instance_t* __VA_OPT__(, ) \
                                           __VA_ARGS__);
CLEMMYS_WASI_CALLS(CLEMMYS_WASI_PROTOTYPE)
CLEMMYS_WASI_CALLS_MISSING(CLEMMYS_WASI_PROTOTYPE)
void Z_wasi_snapshot_preview1Z_proc_exit(struct Z_wasi_snapshot_preview1_instance_t*, u32 status);

/* A module: `instance` is instance_size bytes, zero before instantiate. instantiate and start run the
 * module's code (wasm/sandbox.h: enter); release does not, and may follow a trap in either. */
struct clemmys_translated_module {
  size_t instance_size;
  uint32_t initial_pages; /* of its memory, 64 KiB each */
  void (*initialize)(void);
  void (*instantiate)(void* instance, struct Z_wasi_snapshot_preview1_instance_t* wasi);
  void (*start)(void* instance);
  wasm_rt_memory_t* (*memory)(void* instance);
  void (*release)(void* instance);
};
/* clemmys_module is the module of this program (translated_module.c). */
extern const struct clemmys_translated_module clemmys_module;

#ifdef __cplusplus
}
#endif
#endif
