// interpose_files.cc: open and its kin, ioctl and close. Names that are not an SGX machine's go to the C
// library.
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "softsgx/descriptor.h"
#include "softsgx/run/files.h"
#include "softsgx/run/next.h"
#include "softsgx/run/paths.h"

namespace clemmys::softsgx {
namespace {

// open_content gives a descriptor that reads `content`.
int open_content(const std::string& content, int flags) {
  if ((flags & O_ACCMODE) != O_RDONLY) return errno = EACCES, -1;
  const int fd = ::memfd_create("softsgx", flags & O_CLOEXEC ? MFD_CLOEXEC : 0u);
  if (fd < 0) return fd;
  if (::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      ::lseek(fd, 0, SEEK_SET) != 0) {
    ::close(fd);
    return errno = ENOMEM, -1;
  }
  return fd;
}

// open_ours opens what an SGX machine has otherwise; nothing: the path is an ordinary one.
std::optional<int> open_ours(const std::string& full, int flags) {
  if (const Node node = Files::node_of(full); node != Node::kNone) return files().open(node, flags);
  if (const auto content = machine_file(full)) return open_content(*content, flags);
  return std::nullopt;
}

// try_create is open_ours for a path whose links lead to a name that the kernel would make a file of.
std::optional<int> try_create(int dirfd, const char* path, int flags) {
  const int error = errno;
  char target[1];
  const bool link = ::syscall(SYS_readlinkat, dirfd, path, target, sizeof target) > 0;
  errno = error;
  if (link ? (flags & (O_EXCL | O_NOFOLLOW)) != 0 : std::strstr(path, "sgx") == nullptr) return std::nullopt;
  const auto opened = open_ours(behind_links(dirfd, path), flags);
  if (!opened) errno = error;
  return opened;
}

// try_open is open_ours before the kernel is asked, by the path as it stands.
std::optional<int> try_open(int dirfd, const char* path, int flags) {
  if (path == nullptr) return std::nullopt;
  if (flags & O_CREAT)
    if (const auto opened = try_create(dirfd, path, flags)) return opened;
  const std::string_view name(path);
  if (!name.starts_with("/dev/sgx") && !name.starts_with("/proc/") &&
      !name.starts_with("/sys/devices/system/node/") && !name.ends_with("cpuinfo") &&
      name.find("sgx") == std::string_view::npos)
    return std::nullopt;
  const std::string full = absolute_path(dirfd, name);
  if (const auto opened = open_ours(full, flags)) return opened;
  if (is_own_memory(full)) {
    const auto fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, full.c_str(), flags, 0));
    if (fd >= 0) files().note_memory(fd);
    return fd;
  }
  return std::nullopt;
}

// or_behind_links takes the kernel's answer, or opens what the path's links lead to.
int or_behind_links(int answer, int dirfd, const char* path, int flags) {
  if (answer >= 0 || errno != ENOENT || path == nullptr) return answer;
  const auto opened = open_ours(behind_links(dirfd, path), flags);
  return opened ? *opened : (errno = ENOENT, -1);
}

void collect() {
  const int error = errno;
  files().collect();
  errno = error;
}

int access_of(const char* mode) {
  if (mode == nullptr || mode[0] != 'r') return O_RDWR | O_CREAT;
  return std::strchr(mode, '+') != nullptr ? O_RDWR : O_RDONLY;
}

mode_t mode_of(int flags, va_list arguments) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

#define INTERPOSE_OPEN(name)                                                                         \
  SOFTSGX_EXPORT int name(const char* path, int flags, ...) {                                        \
    va_list arguments;                                                                               \
    va_start(arguments, flags);                                                                      \
    const mode_t mode = mode_of(flags, arguments);                                                   \
    va_end(arguments);                                                                               \
    const auto opened = try_open(AT_FDCWD, path, flags);                                             \
    return opened ? *opened : or_behind_links(NEXT(name)(path, flags, mode), AT_FDCWD, path, flags); \
  }
#define INTERPOSE_OPENAT(name)                                                                           \
  SOFTSGX_EXPORT int name(int dirfd, const char* path, int flags, ...) {                                 \
    va_list arguments;                                                                                   \
    va_start(arguments, flags);                                                                          \
    const mode_t mode = mode_of(flags, arguments);                                                       \
    va_end(arguments);                                                                                   \
    const auto opened = try_open(dirfd, path, flags);                                                    \
    return opened ? *opened : or_behind_links(NEXT(name)(dirfd, path, flags, mode), dirfd, path, flags); \
  }
INTERPOSE_OPEN(open)
INTERPOSE_OPEN(open64)
INTERPOSE_OPENAT(openat)
INTERPOSE_OPENAT(openat64)

#define INTERPOSE_CREAT(name)                                                   \
  SOFTSGX_EXPORT int name(const char* path, mode_t mode) {                      \
    const auto opened = try_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC); \
    return opened ? *opened : NEXT(name)(path, mode);                           \
  }
INTERPOSE_CREAT(creat)
INTERPOSE_CREAT(creat64)

// What _FORTIFY_SOURCE makes of open with two arguments.
#define INTERPOSE_OPEN_2(name)                                                                 \
  extern "C" int name(const char* path, int flags);                                            \
  SOFTSGX_EXPORT int name(const char* path, int flags) {                                       \
    const auto opened = try_open(AT_FDCWD, path, flags);                                       \
    return opened ? *opened : or_behind_links(NEXT(name)(path, flags), AT_FDCWD, path, flags); \
  }
#define INTERPOSE_OPENAT_2(name)                                                                   \
  extern "C" int name(int dirfd, const char* path, int flags);                                     \
  SOFTSGX_EXPORT int name(int dirfd, const char* path, int flags) {                                \
    const auto opened = try_open(dirfd, path, flags);                                              \
    return opened ? *opened : or_behind_links(NEXT(name)(dirfd, path, flags), dirfd, path, flags); \
  }
INTERPOSE_OPEN_2(__open_2)
INTERPOSE_OPEN_2(__open64_2)
INTERPOSE_OPENAT_2(__openat_2)
INTERPOSE_OPENAT_2(__openat64_2)

#define INTERPOSE_FOPEN(name)                                     \
  SOFTSGX_EXPORT FILE* name(const char* path, const char* mode) { \
    const int access = access_of(mode);                           \
    int fd = -1;                                                  \
    if (const auto opened = try_open(AT_FDCWD, path, access))     \
      fd = *opened;                                               \
    else if (FILE* const file = NEXT(name)(path, mode))           \
      return file;                                                \
    else                                                          \
      fd = or_behind_links(-1, AT_FDCWD, path, access);           \
    return fd < 0 ? nullptr : ::fdopen(fd, mode);                 \
  }
INTERPOSE_FOPEN(fopen)
INTERPOSE_FOPEN(fopen64)

SOFTSGX_EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (_IOC_TYPE(request) == SGX_MAGIC) {
    auto device = files().device(fd);
    if (!device) device = files().adopt(fd);
    if (device) {
      const long result = device->ioctl(request, argument);
      if (result == 0 && request == SGX_IOC_ENCLAVE_CREATE) Files::note_created(fd);
      if (result >= 0) return static_cast<int>(result);
      return errno = static_cast<int>(-result), -1;
    }
  }
  return NEXT(ioctl)(fd, request, argument);
}

SOFTSGX_EXPORT int close(int fd) {
  if (is_own_descriptor(fd)) return errno = EBADF, -1;
  const bool device = files().any() && files().node(fd) != Node::kNone;
  const int result = NEXT(close)(fd);
  if (device) collect();
  return result;
}

SOFTSGX_EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept {
  if (first > last || (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
    return NEXT(close_range)(first, last, flags);
  unsigned begin = first;
  for (unsigned fd = first; fd <= last && fd < own_descriptors.size(); ++fd) {
    if (!is_own_descriptor(static_cast<int>(fd))) continue;
    if (begin < fd && NEXT(close_range)(begin, fd - 1, flags) != 0) return -1;
    begin = fd + 1;
  }
  const int result = begin <= last ? NEXT(close_range)(begin, last, flags) : 0;
  if (files().any()) collect();
  return result;
}
SOFTSGX_EXPORT void closefrom(int first) noexcept {
  (void)::close_range(static_cast<unsigned>(std::max(first, 0)), ~0u, 0);
}

// A process may give up its privileges before it opens a device that is for all.
#define INTERPOSE_SET_USER(name, parameters, ...) \
  SOFTSGX_EXPORT int name parameters noexcept {   \
    files().read_machine();                       \
    return NEXT(name)(__VA_ARGS__);               \
  }
INTERPOSE_SET_USER(setuid, (uid_t user), user)
INTERPOSE_SET_USER(seteuid, (uid_t user), user)
INTERPOSE_SET_USER(setreuid, (uid_t real, uid_t effective), real, effective)
INTERPOSE_SET_USER(setresuid, (uid_t real, uid_t effective, uid_t saved), real, effective, saved)

// What softsgx itself closes is no device (linked with --wrap).
extern "C" int __wrap_close(int fd) { return NEXT(close)(fd); }
