// vdso.h: the stand-in for the kernel's vDSO, with __vdso_sgx_enter_enclave: an ELF image in memory, as
// programs parse it. Source: Linux Documentation/ABI/stable/vdso, vdso(7), <asm/sgx.h>.
#pragma once

#include <cstdint>
#include <string>

namespace clemmys::softsgx {

// install_vdso maps the image and makes the auxiliary vector of this process (on the stack, where getauxval
// and programs that walk behind the environment find it) point to it. False: no memory.
bool install_vdso(char** environment);

// vdso_image is where the image lies, with vdso_image_size bytes (0: not yet), kernel_vdso where the kernel's
// own does. vdso_enter is the address of
// __vdso_sgx_enter_enclave.
std::uint64_t vdso_image();
std::uint64_t vdso_image_size();
std::uint64_t kernel_vdso();
void* vdso_enter();

// auxiliary_vector is the vector of this process as bytes, for readers of /proc/self/auxv.
std::string auxiliary_vector();

}  // namespace clemmys::softsgx
