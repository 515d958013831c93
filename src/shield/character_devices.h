// character_devices.h: /dev/null, /dev/zero, /dev/full and /dev/(u)random, served inside: libraries seed
// themselves from the last, which must not be the host's.
#pragma once

#include <stdint.h>

#include "shield/scatter.h"

namespace clemmys::shield {

// character_device_of: which device has this path; -1: none.
int64_t character_device_of(const char* path);
int64_t character_read(uint16_t device, Scatter parts);
int64_t character_write(uint16_t device, Scatter parts);
// character_number is st_rdev, as Linux numbers its memory devices.
uint64_t character_number(uint16_t device);

}  // namespace clemmys::shield
