#include "enclave/pack/files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace clemmys::pack {
namespace {

// ld.so(8) of Debian, after its cache: glibc's SYSTEM_DIRS for x86-64.
constexpr std::string_view kLibraryDirectories[] = {"/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/",
                                                    "/lib/", "/usr/lib/"};

Result<Bytes> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kNotFound, "pack.files.read", "cannot read " + path};
  return Bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<std::string> find_library(const std::string& name) {
  for (const std::string_view directory : kLibraryDirectories) {
    const std::string path = std::string(directory) + name;
    if (std::filesystem::is_regular_file(path)) return path;
  }
  return Error{ErrorCode::kNotFound, "pack.files.library", "no library directory has " + name};
}

}  // namespace

Result<std::vector<PackedFile>> read_files(const Manifest& manifest) {
  std::vector<PackedFile> files;
  std::uint64_t size = 0;
  for (const ManifestFile& file : manifest.files) {
    files.push_back({file.path, TRY(read_file(file.source))});
    size += files.back().content.size();
    if (size > kFilesSizeMax)
      return Error{ErrorCode::kTooLarge, "pack.files.size", "the files of the image are over 512 MiB"};
  }
  return files;
}

Result<std::optional<Dynamic>> resolve_dynamic(const std::string& path) {
  Bytes content = TRY(read_file(path));
  const Linking linking = TRY(read_linking(content));
  if (linking.interpreter.empty()) return std::optional<Dynamic>();
  Dynamic out{.loader = linking.interpreter};
  out.files.push_back({std::filesystem::absolute(path).lexically_normal(), std::move(content)});
  std::vector<std::string> names = linking.needed;
  for (std::size_t i = 0; i < names.size(); ++i) {  // grows while it runs
    const std::string library = TRY(find_library(names[i]));
    Bytes bytes = TRY(read_file(library));
    for (const std::string& needed : TRY(read_linking(bytes)).needed) {
      if (std::ranges::find(names, needed) == names.end()) names.push_back(needed);
    }
    out.files.push_back({library, std::move(bytes)});
  }
  return out;
}

}  // namespace clemmys::pack
