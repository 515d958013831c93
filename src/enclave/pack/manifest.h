// manifest.h: what a program's author decides about its enclave; small YAML, every key optional, unknown keys
// refused.
//   threads: 8            # at the most, 1 to 256; all of them in the image where `heap` is given, else one
//   stack: 8M             # of the first thread
//   heap: 0               # bytes present before the start, for machines without SGX2
//   memory_strategy: sgx2-batch  # or sgx2-fault, sgx2-accept-first, sgx2-commit; sgx1-measured,
//   sgx1-unmeasured (heap only) batch_pages_max: 256  # sgx2-batch: the largest window of pages that one
//   fault brings in, 1 to 4096 product_id: 0 security_version: 0 debug: false network: false        # may
//   open sockets allowed_paths: []     # host paths (and what lies below them) that it may open files: [] #
//   files that become part of the image, read-only: PATH, or PATH: SOURCE command: []           # arguments
//   that stand before those of the host environment: []       # NAME=value; of the host's environment only
//   CLEMMYS_… passes
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "shield/abi.h"

namespace clemmys::pack {

// ManifestFile is a file of the image: the path inside, and where the packer reads it.
struct ManifestFile {
  std::string path, source;
};

struct Manifest {
  std::uint64_t threads = 8, stack_size = 8ull << 20, heap_size = 0, batch_pages_max = 256;
  shield::HeapStrategy strategy = shield::HeapStrategy::kSgx2Batch;
  bool heap_measured = false;
  std::uint16_t product_id = 0, security_version = 0;
  bool debug = false, network = false;
  std::vector<std::string> allowed_paths, command, environment;
  std::vector<ManifestFile> files;
};

Result<Manifest> parse_manifest(const std::string& text);

}  // namespace clemmys::pack
