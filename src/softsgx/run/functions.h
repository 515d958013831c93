// functions.h: where the functions of a loaded object lie, by its unwind tables, and by its symbols those
// that have no unwind information (assembly): all else in an executable segment may be data.
#pragma once

#include <link.h>

#include <cstdint>
#include <vector>

namespace clemmys::softsgx {

struct CodeRange {
  std::uint64_t begin, size;
};

// functions_of reads .eh_frame_hdr (none, when it is in an unusual encoding) and then .symtab in the object's
// file (none, when it is stripped). Source: LSB Core, "Exception Frames"; encodings as every linker writes
// them (pcrel, datarel, sdata4); System V ABI, "Symbol Table".
std::vector<CodeRange> functions_of(const dl_phdr_info& object, const char* path);

}  // namespace clemmys::softsgx
