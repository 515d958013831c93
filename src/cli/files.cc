#include "cli/files.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "cli/outcome.h"

namespace clemmys::cli {
namespace {

// File closes its descriptor; -1 is none.
struct File {
  int descriptor = -1;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

Error system_error(std::string_view site, const fs::path& path, std::string_view verb) {
  const int number = errno;
  const ErrorCode code = number == ENOENT                      ? ErrorCode::kNotFound
                         : number == EACCES || number == EPERM ? ErrorCode::kDenied
                         : number == EISDIR                    ? ErrorCode::kInvalid
                                                               : ErrorCode::kInternal;
  return Error{code, site,
               std::string(verb) + " " + path.string() + ": " + std::generic_category().message(number)};
}

Status write_all(int descriptor, ByteView content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t put = ::write(descriptor, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error("cli.files.write", path, "cannot write");
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

fs::path home_folder() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  if (const passwd* entry = ::getpwuid(::getuid()); entry != nullptr) return entry->pw_dir;
  return "/";
}

fs::path xdg(const char* variable, std::string_view fallback) {
  if (const char* value = std::getenv(variable); value != nullptr && *value == '/')
    return fs::path(value) / "clemmys";
  return home_folder() / fallback / "clemmys";
}

}  // namespace

Result<Bytes> read_file(const fs::path& path, std::size_t size_max) {
  File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.descriptor < 0) return system_error("cli.files.open", path, "cannot open");
  Bytes content;
  std::size_t used = 0;
  for (;;) {
    content.resize(used + (64u << 10));
    const ssize_t got = ::read(file.descriptor, content.data() + used, content.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cli.files.read", path, "cannot read");
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > size_max)
      return Error{ErrorCode::kTooLarge, "cli.files.size",
                   path.string() + " is larger than " + std::to_string(size_max) + " bytes"};
  }
  content.resize(used);
  return content;
}

Result<std::string> read_text(const fs::path& path, std::size_t size_max) {
  const Bytes content = TRY(read_file(path, size_max));
  return std::string(as_text(content));
}

Status write_file(const fs::path& path, ByteView content, Privacy privacy) {
  const fs::path beside = path.string() + ".new";
  ::unlink(beside.c_str());
  File file{::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                   privacy == Privacy::kOwnerOnly ? 0600 : 0644)};
  if (file.descriptor < 0) return system_error("cli.files.create", path, "cannot write");
  TRY(write_all(file.descriptor, content, path));
  if (::fsync(file.descriptor) != 0) return system_error("cli.files.sync", path, "cannot write");
  if (::rename(beside.c_str(), path.c_str()) != 0)
    return system_error("cli.files.rename", path, "cannot replace");
  return {};
}

Status make_private_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return Error{ErrorCode::kDenied, "cli.files.folder",
                 "cannot make " + path.string() + ": " + error.message()};
  if (::chmod(path.c_str(), 0700) != 0) return system_error("cli.files.mode", path, "cannot protect");
  return {};
}

Result<TemporaryFolder> TemporaryFolder::make() {
  std::error_code error;
  std::string pattern = (fs::temp_directory_path(error) / "clemmys-XXXXXX").string();
  if (error || ::mkdtemp(pattern.data()) == nullptr)
    return Error{ErrorCode::kInternal, "cli.files.temporary", "cannot make a temporary folder"};
  return TemporaryFolder(pattern);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<MemoryFile> MemoryFile::make(ByteView content) {
  MemoryFile file(::memfd_create("clemmys", MFD_CLOEXEC));
  if (file.descriptor_ < 0) return system_error("cli.files.memory", "memory", "cannot take");
  TRY(write_all(file.descriptor_, content, "memory"));
  return file;
}

MemoryFile::~MemoryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

fs::path state_folder() { return xdg("XDG_DATA_HOME", ".local/share"); }
fs::path config_folder() {
  if (const char* value = std::getenv("CLEMMYS_CONFIG"); value != nullptr && *value == '/') return value;
  return xdg("XDG_CONFIG_HOME", ".config");
}

Result<Layout> find_layout() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const fs::path root = self.parent_path().parent_path();
  if (error || !fs::is_directory(root / "images", error)) {
    return failure(ErrorCode::kNotFound, "cli.files.layout", "no built images beside " + self.string(),
                   "run ./dev build, then use build/release/bin/clemmys");
  }
  return Layout{root / "bin", root / "images", root / "sdk"};
}

}  // namespace clemmys::cli
