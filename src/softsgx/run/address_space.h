// address_space.h: what lies where in this process.
#pragma once

#include <cstdint>
#include <string>

namespace clemmys::softsgx {

// open_memory_map keeps /proc/self/maps open, for a program that gives up its paths later; in a child after
// fork, again.
void open_memory_map();

// may_be_replaced: nothing of value lies in [begin, end): holes, reservations and anonymous memory, which a
// program replaces by its enclave anyway; neither files nor heap nor stacks.
bool may_be_replaced(std::uint64_t begin, std::uint64_t end);

// memory_map is /proc/self/maps as on an SGX machine: mappings of the device under its name, and the vDSO
// where AT_SYSINFO_EHDR says.
std::string memory_map();

}  // namespace clemmys::softsgx
