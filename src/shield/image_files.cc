#include "shield/image_files.h"

#include "shield/memory.h"

namespace clemmys::shield {
namespace {

const FileEntry& entry(uint64_t file) {
  return reinterpret_cast<const FileEntry*>(enclave_base() + layout().files)[file];
}

}  // namespace

int64_t image_file_of(const char* path) {
  const uint64_t size = strlen(path) + 1;
  for (uint64_t i = 0; i < layout().file_count; ++i) {
    const char* name = reinterpret_cast<const char*>(enclave_base() + entry(i).path);
    if (strlen(name) + 1 == size && memcmp(name, path, size) == 0) return static_cast<int64_t>(i);
  }
  return -1;
}

uint64_t image_file_size(uint16_t file) { return entry(file).size; }

const uint8_t* image_file_content(uint16_t file) {
  return reinterpret_cast<const uint8_t*>(enclave_base() + entry(file).content);
}

int64_t image_file_read(uint16_t file, uint64_t offset, Scatter parts) {
  const uint64_t size = image_file_size(file);
  if (offset >= size) return 0;
  const uint64_t step = parts.size() < size - offset ? parts.size() : size - offset;
  parts.copy_from(image_file_content(file) + offset, step);
  return static_cast<int64_t>(step);
}

}  // namespace clemmys::shield
