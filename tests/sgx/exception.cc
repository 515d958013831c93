// exception.cc: a C++ exception that a user handler throws, as the unwind information of the vDSO function
// lets it.
#include <asm/sgx.h>

extern "C" vdso_sgx_enter_enclave_t enter;

static int throws(long, long, long, long, long, long, sgx_enclave_run* run) { throw run->function; }

// thrown_through enters and gives the function that the handler has thrown; -1: it has not.
extern "C" int thrown_through(void* op, sgx_enclave_run* run) {
  run->user_handler = reinterpret_cast<__u64>(&throws);
  try {
    return enter(reinterpret_cast<unsigned long>(op), 0, 0, 2, 0, 0, run) - 1;
  } catch (__u32 function) {
    return static_cast<int>(function);
  }
}
