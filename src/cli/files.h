// files.h: files and folders of the user's machine. Secrets are written with mode 0600 before any byte is in
// them, and a file is replaced as a whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/bytes.h"

namespace clemmys::cli {

namespace fs = std::filesystem;

enum class Privacy { kPublic, kOwnerOnly };

// read_file gives kNotFound or kTooLarge with the path in the detail.
Result<Bytes> read_file(const fs::path& path, std::size_t size_max = 256u << 20);
Result<std::string> read_text(const fs::path& path, std::size_t size_max = 1u << 20);
// write_file writes beside and renames, after fsync.
Status write_file(const fs::path& path, ByteView content, Privacy privacy = Privacy::kPublic);
// make_private_folder makes it and its parents; the folder itself gets mode 0700.
Status make_private_folder(const fs::path& path);

// TemporaryFolder is removed with all that is in it.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const fs::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

// MemoryFile holds bytes that no disk sees and that end with the process, however it ends.
class MemoryFile {
 public:
  static Result<MemoryFile> make(ByteView content);
  MemoryFile(MemoryFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile();
  // path opens it from its beginning, in this process.
  fs::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  explicit MemoryFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Where things are. `state_folder` and `config_folder` follow XDG and fall back to the home folder of the
// password database.
fs::path state_folder();
fs::path config_folder();

// Layout finds what was built together with this program: build/…/bin/clemmys → its neighbours.
struct Layout {
  fs::path programs;  // clemmys-host, clemmys-node, clemmys-pack
  fs::path images;    // kms.sgx, gateway.sgx, quoting_enclave.sgx
  fs::path sdk;       // flags.json
};
Result<Layout> find_layout();

}  // namespace clemmys::cli
