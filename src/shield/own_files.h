// own_files.h: open files that the host has no part in: devices of /dev/attestation, memory files, files of
// the image. One place for what each of them does when it is read, written, measured or sought in.
#pragma once

#include "shield/descriptors.h"
#include "shield/scatter.h"

namespace clemmys::shield {

inline bool is_own(Kind kind) {
  return kind == Kind::kDevice || kind == Kind::kImage || kind == Kind::kCharacter;
}

struct OwnPath {
  Kind kind = Kind::kFree;  // kFree: the path is the host's
  uint16_t which = 0;
};
// own_path finds whose a path is; -ENOENT: a path of ours that names nothing.
int64_t own_path(const char* path, OwnPath* found);
// own_open gives a number; -EACCES: the access mode in `flags` is not for this file.
int64_t own_open(OwnPath path, uint64_t flags);
int64_t own_size(const Descriptor& file);
// own_read and own_write work at the descriptor's position and move it, unless `positioned`: then at
// `offset`.
int64_t own_read(uint64_t number, const Descriptor& file, Scatter parts, bool positioned, uint64_t offset);
int64_t own_write(uint64_t number, const Descriptor& file, Scatter parts, bool positioned, uint64_t offset);
int64_t own_seek(uint64_t number, const Descriptor& file, uint64_t offset, uint64_t whence);
// own_stat fills a struct stat of 144 bytes.
void own_stat(Kind kind, int64_t size, uint64_t inode, uint64_t address);
// own_hold and own_drop count the descriptors of a file.
void own_hold(const Descriptor& file);
void own_drop(const Descriptor& file);

}  // namespace clemmys::shield
