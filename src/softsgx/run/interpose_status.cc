// interpose_status.cc: stat, access and their kin: what an SGX machine's nodes and files look like.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "softsgx/run/files.h"
#include "softsgx/run/next.h"
#include "softsgx/run/paths.h"

namespace clemmys::softsgx {
namespace {

constexpr unsigned kMiscMajor = 10, kEnclaveMinor = 125,
                   kProvisionMinor = 126;  // minors are dynamic in the kernel

// Shape is what stat says of one of our names.
struct Shape {
  mode_t mode;
  dev_t device;
};

std::optional<Shape> shape_of(Node node) {
  if (node == Node::kNone) return std::nullopt;
  return Shape{S_IFCHR | 0666, makedev(kMiscMajor, node == Node::kEnclave ? kEnclaveMinor : kProvisionMinor)};
}

// shape_of_full_path: a node, or the one file that other machines have not got. /proc files are there anyway.
std::optional<Shape> shape_of_full_path(const std::string& full) {
  if (const auto shape = shape_of(Files::node_of(full))) return shape;
  if (full.starts_with("/sys/") && machine_file(full)) return Shape{S_IFREG | 0444, 0};
  return std::nullopt;
}
std::optional<Shape> shape_of_path(int dirfd, const char* path) {
  if (path == nullptr || std::string_view(path).find("sgx") == std::string_view::npos) return std::nullopt;
  return shape_of_full_path(absolute_path(dirfd, path));
}
// shape_behind: the path's links lead to one of our names, which the kernel did not find.
std::optional<Shape> shape_behind(int answer, int dirfd, const char* path) {
  if (answer == 0 || errno != ENOENT || path == nullptr) return std::nullopt;
  const auto shape = shape_of_full_path(behind_links(dirfd, path));
  errno = ENOENT;
  return shape;
}
std::optional<Shape> shape_of_descriptor(int fd) {
  return files().any() ? shape_of(files().node(fd)) : std::nullopt;
}

template <typename Stat>
int fill(const Shape& shape, Stat* out) {
  if (out == nullptr) return errno = EFAULT, -1;
  *out = Stat{};
  out->st_mode = shape.mode;
  out->st_rdev = shape.device;
  out->st_dev = makedev(0, 6);
  out->st_ino = kFirstNodeInode + minor(shape.device) - kEnclaveMinor;
  out->st_nlink = 1;
  out->st_blksize = 4096;
  return 0;
}

// reachable is access(2)'s answer for one of our names.
int reachable(const Shape& shape, int mode) {
  if ((mode & X_OK) || ((mode & W_OK) && !(shape.mode & 0222))) return errno = EACCES, -1;
  return 0;
}

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

#define INTERPOSE_STAT(name, type)                                                  \
  SOFTSGX_EXPORT int name(const char* path, struct type* out) noexcept {            \
    if (const auto shape = shape_of_path(AT_FDCWD, path)) return fill(*shape, out); \
    const int answer = NEXT(name)(path, out);                                       \
    const auto shape = shape_behind(answer, AT_FDCWD, path);                        \
    return shape ? fill(*shape, out) : answer;                                      \
  }
INTERPOSE_STAT(stat, stat)
INTERPOSE_STAT(stat64, stat64)
INTERPOSE_STAT(lstat, stat)
INTERPOSE_STAT(lstat64, stat64)

#define INTERPOSE_FSTAT(name, type)                            \
  SOFTSGX_EXPORT int name(int fd, struct type* out) noexcept { \
    const auto shape = shape_of_descriptor(fd);                \
    return shape ? fill(*shape, out) : NEXT(name)(fd, out);    \
  }
INTERPOSE_FSTAT(fstat, stat)
INTERPOSE_FSTAT(fstat64, stat64)

#define INTERPOSE_FSTATAT(name, type)                                                       \
  SOFTSGX_EXPORT int name(int fd, const char* path, struct type* out, int flags) noexcept { \
    const bool itself = path != nullptr && *path == 0 && (flags & AT_EMPTY_PATH);           \
    const auto ours = itself ? shape_of_descriptor(fd) : shape_of_path(fd, path);           \
    if (ours) return fill(*ours, out);                                                      \
    const int answer = NEXT(name)(fd, path, out, flags);                                    \
    const auto shape = shape_behind(answer, fd, path);                                      \
    return shape ? fill(*shape, out) : answer;                                              \
  }
INTERPOSE_FSTATAT(fstatat, stat)
INTERPOSE_FSTATAT(fstatat64, stat64)

// Programs built before glibc 2.33 call these.
#define INTERPOSE_XSTAT(name, type)                                                   \
  extern "C" int name(int version, const char* path, struct type* out) noexcept;      \
  SOFTSGX_EXPORT int name(int version, const char* path, struct type* out) noexcept { \
    const auto shape = shape_of_path(AT_FDCWD, path);                                 \
    return shape ? fill(*shape, out) : NEXT(name)(version, path, out);                \
  }
INTERPOSE_XSTAT(__xstat, stat)
INTERPOSE_XSTAT(__xstat64, stat64)
INTERPOSE_XSTAT(__lxstat, stat)
INTERPOSE_XSTAT(__lxstat64, stat64)

#define INTERPOSE_FXSTAT(name, type)                                        \
  extern "C" int name(int version, int fd, struct type* out) noexcept;      \
  SOFTSGX_EXPORT int name(int version, int fd, struct type* out) noexcept { \
    const auto shape = shape_of_descriptor(fd);                             \
    return shape ? fill(*shape, out) : NEXT(name)(version, fd, out);        \
  }
INTERPOSE_FXSTAT(__fxstat, stat)
INTERPOSE_FXSTAT(__fxstat64, stat64)

SOFTSGX_EXPORT int statx(int fd, const char* path, int flags, unsigned mask, struct statx* out) noexcept {
  const bool itself = *path == 0 && (flags & AT_EMPTY_PATH);
  const auto ours = itself ? shape_of_descriptor(fd) : shape_of_path(fd, path);
  const int answer = ours ? 0 : NEXT(statx)(fd, path, flags, mask, out);
  const auto shape = ours ? ours : shape_behind(answer, fd, path);
  struct stat status{};
  if (!shape || fill(*shape, &status) != 0) return answer;
  *out = {};
  out->stx_mask = STATX_BASIC_STATS;
  out->stx_mode = static_cast<std::uint16_t>(status.st_mode);
  out->stx_nlink = static_cast<std::uint32_t>(status.st_nlink);
  out->stx_ino = status.st_ino;
  out->stx_blksize = static_cast<std::uint32_t>(status.st_blksize);
  out->stx_dev_major = major(status.st_dev);
  out->stx_dev_minor = minor(status.st_dev);
  out->stx_rdev_major = major(status.st_rdev);
  out->stx_rdev_minor = minor(status.st_rdev);
  return 0;
}

#define INTERPOSE_ACCESS(name)                                                            \
  SOFTSGX_EXPORT int name(const char* path, int mode) noexcept {                          \
    if (const auto shape = shape_of_path(AT_FDCWD, path)) return reachable(*shape, mode); \
    const int answer = NEXT(name)(path, mode);                                            \
    const auto shape = shape_behind(answer, AT_FDCWD, path);                              \
    return shape ? reachable(*shape, mode) : answer;                                      \
  }
INTERPOSE_ACCESS(access)
INTERPOSE_ACCESS(eaccess)
INTERPOSE_ACCESS(euidaccess)

SOFTSGX_EXPORT char* realpath(const char* path, char* out) noexcept {
  std::string full;
  if (shape_of_path(AT_FDCWD, path)) {
    full = absolute_path(AT_FDCWD, path);
  } else {
    if (char* const found = NEXT(realpath)(path, out)) return found;
    if (!shape_behind(-1, AT_FDCWD, path)) return nullptr;
    full = behind_links(AT_FDCWD, path);
  }
  return out != nullptr ? std::strcpy(out, full.c_str()) : ::strdup(full.c_str());
}

SOFTSGX_EXPORT int faccessat(int dirfd, const char* path, int mode, int flags) noexcept {
  if (const auto shape = shape_of_path(dirfd, path)) return reachable(*shape, mode);
  const int answer = NEXT(faccessat)(dirfd, path, mode, flags);
  const auto shape = shape_behind(answer, dirfd, path);
  return shape ? reachable(*shape, mode) : answer;
}

// The nodes have no extended attributes; ls looks for an access list.
#define INTERPOSE_XATTR(prefix)                                                                 \
  SOFTSGX_EXPORT ssize_t prefix##getxattr(const char* path, const char* name, void* out,        \
                                          size_t room) noexcept {                               \
    if (shape_of_path(AT_FDCWD, path)) return errno = ENODATA, -1;                              \
    return NEXT(prefix##getxattr)(path, name, out, room);                                       \
  }                                                                                             \
  SOFTSGX_EXPORT ssize_t prefix##listxattr(const char* path, char* out, size_t room) noexcept { \
    return shape_of_path(AT_FDCWD, path) ? 0 : NEXT(prefix##listxattr)(path, out, room);        \
  }
INTERPOSE_XATTR()
INTERPOSE_XATTR(l)
