// file.h: the few file operations that the journal and its neighbours need, with the order of writes that
// survives a crash. Trust: the host serves these files: what is read is hostile until authenticated, what is
// written may be lost or rolled back.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace clemmys::kms {

// Descriptor closes itself. A negative value is "none".
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return value_; }
  int release();

 private:
  int value_ = -1;
};

// read_file gives the whole file, or nothing when there is none. kTooLarge above size_max.
Result<std::optional<Bytes>> read_file(const std::string& path, std::size_t size_max);

// replace_file puts `content` at folder/name so that after a crash either the old or the new content is
// there, whole: write folder/name.new, fsync, rename, fsync the folder.
Status replace_file(const std::string& folder, const std::string& name, ByteView content);

// write_all writes every byte at the descriptor's position; read_some reads at most buffer.size() bytes, 0 at
// the end.
Status write_all(int descriptor, ByteView content);
Result<std::size_t> read_some(int descriptor, MutableBytes buffer);

// sync_folder makes names in a folder durable.
Status sync_folder(const std::string& folder);

}  // namespace clemmys::kms
