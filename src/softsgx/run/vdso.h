// vdso.h: the stand-in for the kernel's vDSO, with __vdso_sgx_enter_enclave: an ELF image in memory, as
// programs parse it. Source: Linux Documentation/ABI/stable/vdso, vdso(7), <asm/sgx.h>.
#pragma once

#include <string>

namespace clemmys::softsgx {

// install_vdso maps the image and makes the auxiliary vector of this process (on the stack, where getauxval
// and programs that walk behind the environment find it) point to it. False: no memory.
bool install_vdso(char** environment);

// auxiliary_vector is the vector of this process as bytes, for readers of /proc/self/auxv.
std::string auxiliary_vector();

}  // namespace clemmys::softsgx
