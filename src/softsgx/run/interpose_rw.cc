// interpose_rw.cc: read, write and their kin on /proc/self/mem, by which programs look into debug enclaves as
// debuggers do (the driver runs EDBGRD and EDBGWR), and on the devices, which have neither, nor a length.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "softsgx/run/files.h"
#include "softsgx/run/next.h"

namespace clemmys::softsgx {
namespace {

using Byte = std::uint8_t;

// Transfer is one call on /proc/self/mem.
struct Transfer {
  int fd;
  Byte* memory;  // read into, or written from
  std::size_t size;
  std::uint64_t address;
  bool write;
};

ssize_t outside(const Transfer& all, std::size_t done, std::size_t size) {
  const auto at = static_cast<off_t>(all.address + done);
  return all.write ? NEXT(pwrite)(all.fd, all.memory + done, size, at)
                   : NEXT(pread)(all.fd, all.memory + done, size, at);
}

// run does as the kernel: as far as it comes; an error only when nothing was done.
ssize_t run(const Transfer& all) {
  std::size_t done = 0;
  while (done < all.size) {
    const std::uint64_t address = all.address + done, page_end = (address | 4095) + 1;
    const std::size_t size = std::min<std::size_t>(all.size - done, page_end - address);
    ssize_t part = 0;
    const auto devices = files().devices();
    const auto device =
        std::ranges::find_if(devices, [&](const auto& each) { return each->maps_any(address, address + 1); });
    part = device == devices.end() ? outside(all, done, size)
                                   : (*device)->debug(address, all.memory + done, size, all.write);
    if (part <= 0) return done > 0 ? static_cast<ssize_t>(done) : (errno = EIO, -1);
    done += static_cast<std::size_t>(part);
  }
  return static_cast<ssize_t>(done);
}

// is_memory and is_device cost nothing until the program opens such a file.
bool is_memory(int fd) { return files().any_memory() && files().is_memory(fd); }
bool is_device(int fd) { return files().may_be_node(fd) && files().node(fd) != Node::kNone; }

ssize_t sequential(int fd, void* memory, std::size_t size, bool write) {
  const off_t at = ::lseek(fd, 0, SEEK_CUR);
  const ssize_t done = run({fd, static_cast<Byte*>(memory), size, static_cast<std::uint64_t>(at), write});
  if (done > 0) ::lseek(fd, at + done, SEEK_SET);
  return done;
}

ssize_t at_offset(int fd, void* memory, std::size_t size, off_t offset, bool write) {
  return run({fd, static_cast<Byte*>(memory), size, static_cast<std::uint64_t>(offset), write});
}

ssize_t refused() { return errno = EINVAL, -1; }

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

SOFTSGX_EXPORT ssize_t read(int fd, void* memory, size_t size) {
  if (is_memory(fd)) return sequential(fd, memory, size, false);
  return is_device(fd) ? refused() : NEXT(read)(fd, memory, size);
}
SOFTSGX_EXPORT ssize_t write(int fd, const void* memory, size_t size) {
  if (is_memory(fd)) return sequential(fd, const_cast<void*>(memory), size, true);
  return is_device(fd) ? refused() : NEXT(write)(fd, memory, size);
}

#define INTERPOSE_PREAD(name)                                                    \
  SOFTSGX_EXPORT ssize_t name(int fd, void* memory, size_t size, off_t offset) { \
    if (is_memory(fd)) return at_offset(fd, memory, size, offset, false);        \
    return is_device(fd) ? refused() : NEXT(name)(fd, memory, size, offset);     \
  }
#define INTERPOSE_PWRITE(name)                                                              \
  SOFTSGX_EXPORT ssize_t name(int fd, const void* memory, size_t size, off_t offset) {      \
    if (is_memory(fd)) return at_offset(fd, const_cast<void*>(memory), size, offset, true); \
    return is_device(fd) ? refused() : NEXT(name)(fd, memory, size, offset);                \
  }
INTERPOSE_PREAD(pread)
INTERPOSE_PREAD(pread64)
INTERPOSE_PWRITE(pwrite)
INTERPOSE_PWRITE(pwrite64)

#define INTERPOSE_LSEEK(name)                                                     \
  SOFTSGX_EXPORT off_t name(int fd, off_t offset, int whence) noexcept {          \
    return is_device(fd) ? (errno = ESPIPE, -1) : NEXT(name)(fd, offset, whence); \
  }
INTERPOSE_LSEEK(lseek)
INTERPOSE_LSEEK(lseek64)
SOFTSGX_EXPORT ssize_t readv(int fd, const iovec* parts, int count) {
  return is_device(fd) ? refused() : NEXT(readv)(fd, parts, count);
}
SOFTSGX_EXPORT ssize_t writev(int fd, const iovec* parts, int count) {
  return is_device(fd) ? refused() : NEXT(writev)(fd, parts, count);
}

// has_no_length knows duplicates of the device, too: these calls are rare.
static bool has_no_length(int fd) { return files().any() && files().node(fd) != Node::kNone; }

#define INTERPOSE_LENGTH(name, exception, parameters, ...)                            \
  SOFTSGX_EXPORT int name parameters exception {                                      \
    return has_no_length(fd) ? static_cast<int>(refused()) : NEXT(name)(__VA_ARGS__); \
  }
INTERPOSE_LENGTH(ftruncate, noexcept, (int fd, off_t size), fd, size)
INTERPOSE_LENGTH(ftruncate64, noexcept, (int fd, off_t size), fd, size)
INTERPOSE_LENGTH(fsync, , (int fd), fd)
INTERPOSE_LENGTH(fdatasync, , (int fd), fd)

#define INTERPOSE_FALLOCATE(name)                                                       \
  SOFTSGX_EXPORT int name(int fd, int mode, off_t offset, off_t size) {                 \
    if (!has_no_length(fd)) return NEXT(name)(fd, mode, offset, size);                  \
    if (offset < 0 || size <= 0) return errno = EINVAL, -1;                             \
    return errno = (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY ? EBADF : ENODEV, -1; \
  }
INTERPOSE_FALLOCATE(fallocate)
INTERPOSE_FALLOCATE(fallocate64)

// What softsgx itself reads and writes is no program's business (linked with --wrap).
extern "C" {
long __wrap_syscall(long number, ...);
ssize_t __wrap_read(int fd, void* memory, size_t size) {
  return __wrap_syscall(SYS_read, fd, memory, size, 0, 0, 0);
}
ssize_t __wrap_write(int fd, const void* memory, size_t size) {
  return __wrap_syscall(SYS_write, fd, memory, size, 0, 0, 0);
}
ssize_t __wrap_pread(int fd, void* memory, size_t size, off_t offset) {
  return __wrap_syscall(SYS_pread64, fd, memory, size, offset, 0, 0);
}
ssize_t __wrap_pwrite(int fd, const void* memory, size_t size, off_t offset) {
  return __wrap_syscall(SYS_pwrite64, fd, memory, size, offset, 0, 0);
}
}
