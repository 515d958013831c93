// files.h: an action's files, read-only, under /action: one source text, or what a zip archive holds.
// Trust: the code is the function's own; whoever wrote it may have made the archive hostile (zip bombs, odd
// names).
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace clemmys::runtime::js {

inline constexpr std::string_view kActionRoot = "/action";
inline constexpr std::size_t kFilesMax = 20'000;
inline constexpr std::size_t kUnpackedSizeMax = 192u << 20;  // four times OpenWhisk's limit on code (48 MB)

class ActionFiles {
 public:
  ActionFiles() = default;  // none
  // of_source is /action/index.js alone.
  static ActionFiles of_source(ByteView source);
  // of_zip unpacks all files. kInvalid with a text for the author when the archive is not one, or over a
  // limit.
  static Result<ActionFiles> of_zip(ByteView archive, std::size_t unpacked_size_max = kUnpackedSizeMax);

  enum class Kind : std::uint8_t { kNone, kFile, kDirectory };
  Kind kind(std::string_view path) const;
  std::optional<ByteView> find(std::string_view path) const;
  // list is the names in a folder, one a line; nothing when it is none.
  std::optional<std::string> list(std::string_view folder) const;

 private:
  std::map<std::string, Bytes, std::less<>> files_;          // full path → content
  std::map<std::string, std::string, std::less<>> folders_;  // full path → names, one a line
  void add(const std::string& path, Bytes content);
};

}  // namespace clemmys::runtime::js
