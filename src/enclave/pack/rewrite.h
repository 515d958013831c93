// rewrite.h: changes a program's code so that it needs fewer traps inside an enclave. `cpuid` (illegal
// inside) becomes `ud2` at a listed site; `syscall` becomes a jump to a trampoline that enters the shield
// without a fault, where that is safe: the bytes it overwrites are whole instructions that mean the same
// elsewhere, and no direct jump or symbol leads into their middle. Sites that are left alone still work: the
// shield handles the fault.
#pragma once

#include "enclave/pack/elf.h"

namespace clemmys::pack {

struct Rewriting {
  std::vector<std::uint64_t> cpuid_sites;  // program addresses, ascending
  std::uint64_t syscalls_found = 0, syscalls_rewritten = 0;
  Bytes trampolines;  // executable code to place at trampoline_address
};

// rewrite changes elf.segments in place. Addresses are the program's own; `shield_syscall` and
// `trampoline_address` in the same frame (so the former may be negative, as two's complement).
Rewriting rewrite(Elf& elf, std::uint64_t trampoline_address, std::uint64_t shield_syscall);

}  // namespace clemmys::pack
