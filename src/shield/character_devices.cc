#include "shield/character_devices.h"

#include "shield/memory.h"

namespace clemmys::shield {
namespace {

enum : uint16_t { kNull = 3, kZero = 5, kFull = 7, kRandom = 8, kUrandom = 9 };  // Linux's minor numbers

struct Device {
  char path[16];
  uint16_t device;
};
constexpr Device kDevices[] = {{"/dev/null", kNull},
                               {"/dev/zero", kZero},
                               {"/dev/full", kFull},
                               {"/dev/random", kRandom},
                               {"/dev/urandom", kUrandom}};

}  // namespace

int64_t character_device_of(const char* path) {
  for (const Device& device : kDevices) {
    const uint64_t size = strlen(device.path) + 1;
    if (strlen(path) + 1 == size && memcmp(path, device.path, size) == 0) return device.device;
  }
  return -1;
}

int64_t character_read(uint16_t device, Scatter parts) {
  if (device == kNull) return 0;
  const uint64_t size = parts.size();
  uint8_t bytes[256] = {};
  while (parts.size() > 0) {
    const uint64_t step = parts.size() < sizeof bytes ? parts.size() : sizeof bytes;
    if (device == kRandom || device == kUrandom) random_bytes(bytes, step);
    parts.copy_from(bytes, step);
  }
  return static_cast<int64_t>(size);
}

int64_t character_write(uint16_t device, Scatter parts) {
  return device == kFull ? -ENOSPC : static_cast<int64_t>(parts.size());
}

uint64_t character_number(uint16_t device) { return 1ull << 8 | device; }

}  // namespace clemmys::shield
