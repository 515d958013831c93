// functions.h: where the functions of a loaded object lie, by its unwind tables: all else in an executable
// segment may be data.
#pragma once

#include <link.h>

#include <cstdint>
#include <vector>

namespace clemmys::softsgx {

struct CodeRange {
  std::uint64_t begin, size;
};

// functions_of reads .eh_frame_hdr; empty when there is none, or one in an unusual encoding. Source: LSB
// Core, "Exception Frames"; encodings as every linker writes them (pcrel, datarel, sdata4).
std::vector<CodeRange> functions_of(const dl_phdr_info& object);

}  // namespace clemmys::softsgx
