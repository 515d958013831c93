#include "attest/device_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/secret.h"

namespace clemmys::attest {
namespace {

class File {
 public:
  File(const char* path, int flags) : descriptor_(::open(path, flags | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

Error open_error() {
  if (errno == ENOENT || errno == ENOTDIR)
    return {ErrorCode::kUnsupported, "attest.device.absent", "not in an enclave"};
  if (errno == EIO)
    return {ErrorCode::kUnavailable, "attest.device.quote"};  // no quoting service, or none ready
  return {ErrorCode::kInternal, "attest.device.open"};
}

}  // namespace

Status write_device(const char* path, ByteView bytes) {
  const File file(path, O_WRONLY);
  if (file.descriptor() < 0) return open_error();
  if (::write(file.descriptor(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return Error{ErrorCode::kInternal, "attest.device.write"};
  }
  return {};
}

Result<Bytes> read_device(const char* path, std::size_t size_max) {
  const File file(path, O_RDONLY);
  if (file.descriptor() < 0) return open_error();
  Bytes bytes(size_max + 1);  // never grows: a key read here leaves no copy behind
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.descriptor(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{ErrorCode::kUnavailable, "attest.device.read"};
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > size_max) {
    wipe(bytes.data(), bytes.size());
    return Error{ErrorCode::kTooLarge, "attest.device.size"};
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace clemmys::attest
