// vdso.h: finds a function of the vDSO, the small shared library that the kernel maps into every process.
// Source: Linux Documentation/ABI/stable/vdso, vdso(7); ELF gABI, "Symbol Table", "Hash Table".
#pragma once

#include <string_view>

namespace clemmys::enclave {

// vdso_symbol is null when there is no vDSO or no such function.
const void* vdso_symbol(std::string_view name);

}  // namespace clemmys::enclave
