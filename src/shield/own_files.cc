#include "shield/own_files.h"

#include <linux/fcntl.h>

#include "shield/attestation.h"
#include "shield/character_devices.h"
#include "shield/image_files.h"
#include "shield/memory.h"

namespace clemmys::shield {

int64_t own_path(const char* path, OwnPath* found) {
  if (const int64_t device = device_of(path); device != -1) {
    if (device < 0) return device;
    *found = {Kind::kDevice, static_cast<uint16_t>(device)};
  } else if (const int64_t character = character_device_of(path); character >= 0) {
    *found = {Kind::kCharacter, static_cast<uint16_t>(character)};
  } else if (const int64_t file = image_file_of(path); file >= 0) {
    *found = {Kind::kImage, static_cast<uint16_t>(file)};
  }
  return 0;
}

int64_t own_open(OwnPath path, uint64_t flags) {
  if (path.kind == Kind::kDevice) return device_open(path.which, flags);
  if (path.kind == Kind::kCharacter) return open_own(path.kind, path.which);
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0) return -EACCES;
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return -EEXIST;
  if ((flags & O_DIRECTORY) != 0) return -ENOTDIR;
  return open_own(path.kind, path.which);
}

int64_t own_size(const Descriptor& file) {
  if (file.kind == Kind::kImage) return static_cast<int64_t>(image_file_size(file.device));
  return file.kind == Kind::kCharacter ? 0 : device_size(file.device);
}

int64_t own_read(uint64_t number, const Descriptor& file, Scatter parts, bool positioned, uint64_t offset) {
  if (file.kind == Kind::kCharacter) return character_read(file.device, parts);
  const uint64_t from = positioned ? offset : file.position;
  const int64_t got = file.kind == Kind::kImage ? image_file_read(file.device, from, parts)
                                                : device_read(file.device, from, parts);
  if (got > 0 && !positioned) set_position(number, from + static_cast<uint64_t>(got));
  return got;
}

int64_t own_write(uint64_t number, const Descriptor& file, Scatter parts, bool positioned, uint64_t offset) {
  if (file.kind == Kind::kCharacter) return character_write(file.device, parts);
  const uint64_t to = positioned ? offset : file.position;
  const int64_t put = file.kind == Kind::kDevice ? device_write(file.device, to, parts) : -EBADF;
  if (put > 0 && !positioned) set_position(number, to + static_cast<uint64_t>(put));
  return put;
}

int64_t own_seek(uint64_t number, const Descriptor& file, uint64_t offset, uint64_t whence) {
  if (file.kind == Kind::kCharacter) return 0;
  constexpr uint64_t kSet = 0, kCurrent = 1, kEnd = 2;
  if (whence > kEnd) return -EINVAL;
  const uint64_t from = whence == kSet       ? 0
                        : whence == kCurrent ? file.position
                                             : static_cast<uint64_t>(own_size(file));
  const auto to = static_cast<int64_t>(from + offset);
  if (to < 0) return -EINVAL;
  set_position(number, static_cast<uint64_t>(to));
  return to;
}

void own_stat(Kind kind, int64_t size, uint64_t inode, uint64_t address) {
  constexpr uint32_t kRegular = 0100000, kCharacter = 0020000;  // S_IFREG, S_IFCHR
  constexpr uint64_t kStatSize = 144, kInode = 8, kLinks = 16, kMode = 24, kDevice = 40, kSize = 48,
                     kBlockSize = 56;
  auto* to = reinterpret_cast<uint8_t*>(address);
  memset(to, 0, kStatSize);
  *reinterpret_cast<uint64_t*>(to + kInode) = static_cast<uint64_t>(kind) << 16 | inode;
  *reinterpret_cast<uint64_t*>(to + kLinks) = 1;
  if (kind == Kind::kCharacter) {
    *reinterpret_cast<uint32_t*>(to + kMode) = kCharacter | 0666;
    *reinterpret_cast<uint64_t*>(to + kDevice) = character_number(static_cast<uint16_t>(inode));
    return;
  }
  *reinterpret_cast<uint32_t*>(to + kMode) = kRegular | (kind == Kind::kImage ? 0555 : 0600);
  *reinterpret_cast<int64_t*>(to + kSize) = size;
  *reinterpret_cast<uint64_t*>(to + kBlockSize) = kPageSize;
}

void own_hold(const Descriptor& file) {
  if (file.kind == Kind::kDevice) device_hold(file.device);
}

void own_drop(const Descriptor& file) {
  if (file.kind == Kind::kDevice) device_drop(file.device);
}

}  // namespace clemmys::shield
