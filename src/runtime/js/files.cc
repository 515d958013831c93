#include "runtime/js/files.h"

#include "runtime/js/zip.h"

namespace clemmys::runtime::js {

void ActionFiles::add(const std::string& path, Bytes content) {
  if (!files_.emplace(path, std::move(content)).second) return;
  // Each folder on the way learns the name of what is in it; a known folder is known to those above it.
  std::string child = path;
  for (std::size_t slash; (slash = child.rfind('/')) != 0 && slash != std::string::npos;) {
    const std::string folder = child.substr(0, slash);
    std::string& names = folders_[folder];
    const bool is_new = names.empty();
    if (!is_new) names += '\n';
    names += child.substr(slash + 1);
    if (!is_new) return;
    child = folder;
  }
}

ActionFiles ActionFiles::of_source(ByteView source) {
  ActionFiles files;
  files.add(std::string(kActionRoot) + "/index.js", to_bytes(source));
  return files;
}

Result<ActionFiles> ActionFiles::of_zip(ByteView archive, std::size_t unpacked_size_max) {
  ActionFiles files;
  std::size_t left = unpacked_size_max;
  ZipReader reader = TRY(ZipReader::open(archive));
  if (reader.entries() > kFilesMax)
    return Error{ErrorCode::kTooLarge, "runtime.js.files.count", "The archive has more than 20000 files."};
  for (;;) {
    const auto entry = TRY(reader.next(left));
    if (!entry) return files;
    left -= entry->content.size();
    const std::string path = std::string(kActionRoot) + "/" + entry->name;
    if (files.kind(path) != Kind::kNone)
      return Error{ErrorCode::kInvalid, "runtime.js.files.twice",
                   "The archive has a file twice: " + entry->name};
    files.add(path, std::move(entry->content));
  }
}

ActionFiles::Kind ActionFiles::kind(std::string_view path) const {
  if (files_.contains(path)) return Kind::kFile;
  return folders_.contains(path) ? Kind::kDirectory : Kind::kNone;
}

std::optional<ByteView> ActionFiles::find(std::string_view path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> ActionFiles::list(std::string_view folder) const {
  const auto found = folders_.find(folder);
  if (found == folders_.end()) return std::nullopt;
  return found->second;
}

}  // namespace clemmys::runtime::js
