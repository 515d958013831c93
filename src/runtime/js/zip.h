// zip.h: zip archives in memory, by minizip. Nothing touches a file system.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace clemmys::runtime::js {

class ZipReader {
 public:
  // open refuses what is no zip archive. The archive's bytes outlive the reader.
  static Result<ZipReader> open(ByteView archive);

  struct Entry {
    std::string name;  // relative, of plain parts: no "..", no empty part, no backslash, no NUL
    Bytes content;
  };
  std::size_t entries() const;
  // next is the next file, or nothing after the last; folders are passed over. An entry with another kind of
  // name, an encrypted or damaged one, and one of more than size_max bytes is an error with a text for the
  // archive's author.
  Result<std::optional<Entry>> next(std::size_t size_max);
  // find is the content of the file of that name.
  Result<Bytes> find(const std::string& name, std::size_t size_max);

 private:
  struct Close {
    void operator()(void* archive) const;
  };
  struct Memory;
  struct FreeMemory {
    void operator()(Memory* memory) const;
  };
  ZipReader() = default;
  Result<Bytes> read_current(std::uint64_t size, std::size_t size_max);
  std::unique_ptr<Memory, FreeMemory> memory_;
  std::unique_ptr<void, Close> archive_;
  bool started_ = false;
};

}  // namespace clemmys::runtime::js
