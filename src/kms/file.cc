#include "kms/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace clemmys::kms {
namespace {

Error failed(std::string_view site, const std::string& path) {
  return Error{ErrorCode::kInternal, site, path + ": " + std::strerror(errno)};
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (value_ >= 0) ::close(value_);
    value_ = other.release();
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

int Descriptor::release() {
  const int value = value_;
  value_ = -1;
  return value;
}

Result<std::size_t> read_some(int descriptor, MutableBytes buffer) {
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("kms.file.read", "read");
    // A host that claims more than was asked for is lying.
    if (static_cast<std::size_t>(count) > buffer.size())
      return Error{ErrorCode::kInternal, "kms.file.read_size"};
    return static_cast<std::size_t>(count);
  }
}

Status write_all(int descriptor, ByteView content) {
  while (!content.empty()) {
    const ssize_t count = ::write(descriptor, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || static_cast<std::size_t>(count) > content.size())
      return failed("kms.file.write", "write");
    content = content.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::optional<Bytes>> read_file(const std::string& path, std::size_t size_max) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<Bytes>();
    return failed("kms.file.open", path);
  }
  Bytes content;
  for (;;) {
    constexpr std::size_t kStep = 64 * 1024;
    const std::size_t have = content.size();
    content.resize(have + kStep);
    const std::size_t got = TRY(read_some(file.get(), MutableBytes(content).subspan(have)));
    content.resize(have + got);
    if (got == 0) return std::optional<Bytes>(std::move(content));
    if (content.size() > size_max) return Error{ErrorCode::kTooLarge, "kms.file.size", path};
  }
}

Status sync_folder(const std::string& folder) {
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed("kms.file.sync_folder", folder);
  return {};
}

Status replace_file(const std::string& folder, const std::string& name, ByteView content) {
  const std::string path = folder + "/" + name;
  const std::string fresh = path + ".new";
  Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return failed("kms.file.create", fresh);
  TRY(write_all(file.get(), content));
  if (::fsync(file.get()) != 0) return failed("kms.file.sync", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("kms.file.rename", path);
  return sync_folder(folder);
}

}  // namespace clemmys::kms
