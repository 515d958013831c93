#include "shield/memory_files.h"

#include "shield/lock.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

struct File {
  uint8_t* bytes;  // kMemoryFileSizeMax of the arena, kept once taken
  uint64_t size;   // bytes beyond it are zero
  uint32_t descriptors;
};

Lock lock;
File files[kMemoryFilesMax];

}  // namespace

int64_t memory_file_create() {
  Guard guard(lock);
  for (uint64_t i = 0; i < kMemoryFilesMax; ++i) {
    if (files[i].descriptors != 0) continue;
    if (files[i].bytes == nullptr) files[i].bytes = static_cast<uint8_t*>(arena_take(kMemoryFileSizeMax));
    files[i].descriptors = 1;
    const int64_t number = open_memory_file(static_cast<uint8_t>(i));
    if (number < 0) files[i].descriptors = 0;
    return number;
  }
  return -ENFILE;
}

void memory_file_hold(uint8_t file) {
  Guard guard(lock);
  ++files[file].descriptors;
}

void memory_file_drop(uint8_t file) {
  Guard guard(lock);
  File& it = files[file];
  if (--it.descriptors > 0) return;
  memset(it.bytes, 0, it.size);
  it.size = 0;
}

int64_t memory_file_size(uint8_t file) {
  Guard guard(lock);
  return static_cast<int64_t>(files[file].size);
}

int64_t memory_file_read(uint8_t file, uint64_t offset, Scatter parts) {
  Guard guard(lock);
  const File& it = files[file];
  if (offset >= it.size) return 0;
  const uint64_t size = parts.size() < it.size - offset ? parts.size() : it.size - offset;
  parts.copy_from(it.bytes + offset, size);
  return static_cast<int64_t>(size);
}

int64_t memory_file_write(uint8_t file, uint64_t offset, Scatter parts) {
  Guard guard(lock);
  File& it = files[file];
  if (offset >= kMemoryFileSizeMax) return -ENOSPC;
  const uint64_t room = kMemoryFileSizeMax - offset;
  const uint64_t size = parts.size() < room ? parts.size() : room;
  parts.copy_to(it.bytes + offset, size);
  if (offset + size > it.size) it.size = offset + size;
  return static_cast<int64_t>(size);
}

int64_t memory_file_truncate(uint8_t file, uint64_t size) {
  Guard guard(lock);
  File& it = files[file];
  if (size > kMemoryFileSizeMax) return -EFBIG;
  if (size < it.size) memset(it.bytes + size, 0, it.size - size);
  it.size = size;
  return 0;
}

}  // namespace clemmys::shield
