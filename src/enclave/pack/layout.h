// layout.h: puts shield, threads and program into one address range, as shield/abi.h describes it.
#pragma once

#include "enclave/pack/elf.h"
#include "enclave/pack/files.h"
#include "enclave/pack/manifest.h"
#include "enclave/pack/rewrite.h"
#include "sgx/arch.h"

namespace clemmys::pack {

// Part is a run of pages of one kind. content is shorter than size where the rest is zero.
struct Part {
  std::uint64_t offset = 0, size = 0;
  Bytes content;
  sgx::SecinfoFlags flags{};
  bool measured = true;
};

struct Layout {
  std::vector<Part> parts;  // ascending, disjoint
  Rewriting rewriting;
};

Result<Layout> lay_out(Elf shield, Elf program, const Manifest& manifest,
                       const std::vector<PackedFile>& files = {});

}  // namespace clemmys::pack
