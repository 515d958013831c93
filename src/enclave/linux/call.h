// call.h: one call of __vdso_sgx_enter_enclave from C++. The vDSO function keeps RBX, RBP and RSP only: an
// enclave that exits, and even more an AEX, changes R12 to R15, MXCSR and the x87 control word. call_vdso
// keeps them.
#pragma once

#include <asm/sgx.h>

#include <cstdint>

namespace clemmys::enclave {

// VdsoCall is read by assembly: the order of the fields is fixed.
struct VdsoCall {
  std::uint64_t rdi, rsi, rdx, function, r8, r9;
  sgx_enclave_run* run;
  vdso_sgx_enter_enclave_t enter;
};

extern "C" int clemmys_call_vdso(const VdsoCall* call);

}  // namespace clemmys::enclave
