// memory_files.h: memfd_create. Files that live in the enclave alone: the function runtime points standard
// output and error at two of them, so that what a program prints stays inside. A few, of a fixed largest
// size; a file ends with its last descriptor, its storage is kept for the next one. Duplicates have a
// position each (on Linux they share one). Threads: one lock.
#pragma once

#include <stdint.h>

#include "shield/descriptors.h"
#include "shield/scatter.h"

namespace clemmys::shield {

inline constexpr uint64_t kMemoryFilesMax = 3, kMemoryFileSizeMax = 16ull << 20;

int64_t memory_file_create();
// memory_file_hold and _drop count the descriptors of a file.
void memory_file_hold(uint8_t file);
void memory_file_drop(uint8_t file);
int64_t memory_file_size(uint8_t file);
int64_t memory_file_read(uint8_t file, uint64_t offset, Scatter parts);
// memory_file_write gives what was written, short at the largest size, -ENOSPC beyond it.
int64_t memory_file_write(uint8_t file, uint64_t offset, Scatter parts);
int64_t memory_file_truncate(uint8_t file, uint64_t size);

}  // namespace clemmys::shield
