// elf.h: reads a static-PIE program, strictly. Input may be hostile: every offset and size is checked before
// use, and a refusal says in words what is wrong with the file.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::pack {

struct Segment {
  std::uint64_t address = 0, memory_size = 0;
  Bytes content;  // the first bytes; the rest is zero
  bool writable = false, executable = false;
};

struct Symbol {
  std::uint64_t address = 0, size = 0;
  std::string name;
};

struct Elf {
  std::vector<Segment> segments;      // ascending, disjoint by page
  std::vector<Symbol> functions;      // ascending; empty for a stripped program
  std::uint64_t entry = 0, size = 0;  // size: end of the last segment
  std::uint64_t program_headers = 0, program_header_count = 0;
  bool relocations = false;  // has any dynamic relocation

  const Segment* segment_at(std::uint64_t address) const;
  // symbol finds a function by name.
  const Symbol* symbol(std::string_view name) const;
};

inline constexpr std::uint64_t kProgramSizeMax = 1ull << 30;

Result<Elf> read_elf(ByteView file);

// Linking is what a dynamically linked program or library asks its loader for.
struct Linking {
  std::string interpreter;          // path of the loader; empty for a library or a static program
  std::vector<std::string> needed;  // names of libraries, without "/"
};
Result<Linking> read_linking(ByteView file);

}  // namespace clemmys::pack
