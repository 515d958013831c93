// machine.h: how much this machine has, for limits that nobody set.
#pragma once

#include <cstdint>

namespace clemmys::invoker {

std::uint64_t memory_mib();
// epc_mib is the size of the processor's enclave page cache; 0 where there is none that this process may use.
std::uint64_t epc_mib();

}  // namespace clemmys::invoker
