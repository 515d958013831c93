/* translated_module.c: compiled beside each module's translation, module.c and module.h, by who builds its
 * image: CLEMMYS_INITIAL_PAGES is what its memory begins with, CLEMMYS_IMPORTS_NOTHING says that it calls no
 * WASI. */
#include "runtime/wasi/translated_module.h"

#include "module.h"

static void instantiate(void* instance, struct Z_wasi_snapshot_preview1_instance_t* wasi) {
#ifdef CLEMMYS_IMPORTS_NOTHING
  (void)wasi;
  Z_module_instantiate(instance);
#else
  Z_module_instantiate(instance, wasi);
#endif
}
static void start(void* instance) { Z_moduleZ__start(instance); }
static wasm_rt_memory_t* memory(void* instance) { return Z_moduleZ_memory(instance); }
static void release(void* instance) { Z_module_free(instance); }

const struct clemmys_translated_module clemmys_module = {sizeof(Z_module_instance_t),
                                                         CLEMMYS_INITIAL_PAGES,
                                                         Z_module_init_module,
                                                         instantiate,
                                                         start,
                                                         memory,
                                                         release};
