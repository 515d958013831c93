// sites.h: the instructions of a program, and of the libraries that it brings along, which this machine
// answers otherwise than the processor: found in functions, all else may be data. System libraries are left
// as they are: their functions are interposed.
#pragma once

#include <cstdint>
#include <vector>

namespace clemmys::softsgx {

// Sites are addresses, sorted.
struct Sites {
  std::vector<std::uint64_t> cpuid, system_calls;
};
Sites find_sites();

// make_undefined puts UD2 in the place of an instruction of two bytes that begin with 0F.
void make_undefined(std::uint64_t site);

}  // namespace clemmys::softsgx
