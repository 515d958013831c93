// image_files.h: files that the packer made part of the image: measured, read-only, the only ones whose
// content may become code. The host never sees their paths.
#pragma once

#include <stdint.h>

#include "shield/scatter.h"

namespace clemmys::shield {

// image_file_of: which file has this path; -1: none.
int64_t image_file_of(const char* path);
uint64_t image_file_size(uint16_t file);
// image_file_content is in the enclave, for as long as it runs.
const uint8_t* image_file_content(uint16_t file);
int64_t image_file_read(uint16_t file, uint64_t offset, Scatter parts);

}  // namespace clemmys::shield
