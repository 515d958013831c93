#include "controller/image_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/descriptor.h"

namespace clemmys::controller {
namespace {

Error failed(std::string_view site, const std::string& path) {
  return Error{ErrorCode::kInternal, site, path + ": " + std::strerror(errno)};
}

Status write_all(int descriptor, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("controller.image.write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<ImageDirectory> ImageDirectory::open(std::string path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("controller.image.directory", path);
  return ImageDirectory(std::move(path));
}

std::string ImageDirectory::path_of(const Measurement& measurement) const {
  return path_ + "/" + to_hex(measurement) + ".sgx";
}

bool ImageDirectory::has(const Measurement& measurement) const {
  return ::access(path_of(measurement).c_str(), R_OK) == 0;
}

Status ImageDirectory::put(const Measurement& measurement, ByteView file) const {
  const std::string path = path_of(measurement), fresh = path + ".new";
  {
    const Descriptor out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (out.get() < 0) return failed("controller.image.create", fresh);
    TRY(write_all(out.get(), file, fresh));
    if (::fsync(out.get()) != 0) return failed("controller.image.sync", fresh);
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return failed("controller.image.rename", path);
  const Descriptor directory(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0)
    return failed("controller.image.sync_directory", path_);
  return {};
}

Result<Packet> ImageDirectory::get(const Measurement& measurement) const {
  const std::string path = path_of(measurement);
  const Descriptor in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat information{};
  if (in.get() < 0 || ::fstat(in.get(), &information) != 0)
    return Error{ErrorCode::kNotFound, "controller.image.absent"};
  Packet file(static_cast<std::size_t>(information.st_size));
  MutableBytes rest = file.writable();
  while (!rest.empty()) {
    const ssize_t size = ::read(in.get(), rest.data(), rest.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return failed("controller.image.read", path);
    rest = rest.subspan(static_cast<std::size_t>(size));
  }
  return file;
}

}  // namespace clemmys::controller
