// files.h: the files that become part of an image, and the closure of a dynamically linked program: its
// loader (a static-PIE program, which then is what the image starts), itself and every library that it names.
// The search follows the loader's own fixed order, so that inside the loader finds each library where this
// found it.
#pragma once

#include <optional>

#include "enclave/pack/elf.h"
#include "enclave/pack/manifest.h"

namespace clemmys::pack {

// PackedFile is a file of the image under the path that the program will open.
struct PackedFile {
  std::string path;
  Bytes content;
};

inline constexpr std::uint64_t kFilesSizeMax = 512ull << 20;  // together

// read_files reads the manifest's files.
Result<std::vector<PackedFile>> read_files(const Manifest& manifest);

struct Dynamic {
  std::string loader;             // path of its PT_INTERP
  std::vector<PackedFile> files;  // the program first
};
// resolve_dynamic gives the closure of the program at `path`; nothing when it needs no loader.
Result<std::optional<Dynamic>> resolve_dynamic(const std::string& path);

}  // namespace clemmys::pack
