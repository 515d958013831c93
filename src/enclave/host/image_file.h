// image_file.h: an enclave image's file, mapped: it may be larger than what this process should hold beside
// the enclave. Its bytes are the host's own, and may change while they are read: the loader copies a page
// before it looks at it, and EINIT judges the copies.
#pragma once

#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::enclave {

class ImageFile {
 public:
  ImageFile() = default;
  static Result<ImageFile> open(const std::string& path);
  // of maps an open file; the descriptor stays the caller's.
  static Result<ImageFile> of(int descriptor);
  ImageFile(ImageFile&& other) noexcept { *this = std::move(other); }
  ImageFile& operator=(ImageFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~ImageFile();

  ByteView view() const { return bytes_; }

 private:
  ByteView bytes_;
};

}  // namespace clemmys::enclave
