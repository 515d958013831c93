#include "enclave/host/image_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.h"

namespace clemmys::enclave {

Result<ImageFile> ImageFile::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0)
    return Error{ErrorCode::kNotFound, "host.image", "cannot read " + path + ": " + std::strerror(errno)};
  auto mapped = of(file.get());
  if (!mapped)
    return Error{mapped.error().code, mapped.error().site,
                 "cannot read " + path + ": " + mapped.error().detail};
  return mapped;
}

Result<ImageFile> ImageFile::of(int descriptor) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return Error{ErrorCode::kInvalid, "host.image.file", "it is no file"};
  if (status.st_size == 0) return Error{ErrorCode::kInvalid, "host.image.empty", "it is empty"};
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (start == MAP_FAILED) return Error{ErrorCode::kInternal, "host.image.map", std::strerror(errno)};
  ImageFile file;
  file.bytes_ = {static_cast<const std::uint8_t*>(start), size};
  return file;
}

ImageFile::~ImageFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace clemmys::enclave
