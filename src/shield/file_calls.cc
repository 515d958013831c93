// Files: paths are copied and checked against the allow-list, metadata is copied back, directory entries are
// checked record by record, because C libraries walk them by the lengths they contain.
#include <linux/fcntl.h>

#include "shield/attestation.h"
#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/paths.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kStatSize = 144;
constexpr int64_t kCurrentDirectory = -100;  // AT_FDCWD

// Path is one path argument, on its way to the host: 0 and the host's address and directory, or -errno.
struct Path {
  int64_t directory = kCurrentDirectory;
  uint64_t place = 0;
  int64_t device = -1;

  int64_t take(Bounce& bounce, uint64_t directory_descriptor, uint64_t address) {
    if (!program_range(address, 1)) return -EFAULT;
    const char* text = reinterpret_cast<const char*>(address);
    const uint64_t size = strlen(text);
    if (size >= kPathSizeMax) return -ENAMETOOLONG;
    if (size == 0) return -ENOENT;
    device = device_of(text);
    if (device == -ENOENT) return -ENOENT;
    if (device >= 0) return 0;
    if (text[0] == '/') {
      const LayoutPage& image = layout();
      const auto* list = reinterpret_cast<const char*>(enclave_base() + image.allowed_paths);
      if ((image.manifest_flags & kAllowHostFiles) == 0 ||
          !path_allowed(text, list, image.allowed_paths_size)) {
        return -ENOENT;
      }
    } else {  // below a directory that was opened by an allowed path
      if (has_parent_component(text)) return -ENOENT;
      const auto number = static_cast<int32_t>(directory_descriptor);
      if (number == kCurrentDirectory) return -ENOENT;
      directory = host_of(static_cast<uint32_t>(number));
      if (directory < 0) return directory;
    }
    place = bounce.put(text, size + 1);
    return 0;
  }
};

int64_t open_path(uint64_t directory, uint64_t address, uint64_t flags, uint64_t mode) {
  Bounce bounce;
  Path path;
  if (const int64_t error = path.take(bounce, directory, address); error != 0) return error;
  if (path.device >= 0) return open_device(static_cast<uint8_t>(path.device));
  return adopt_answer(call(__NR_openat, kHostDescriptorsMax - 1, path.directory, path.place, flags, mode));
}

int64_t stat_descriptor(uint64_t descriptor, uint64_t buffer) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (!program_range(buffer, kStatSize)) return -EFAULT;
  auto* to = reinterpret_cast<uint8_t*>(buffer);
  if (file.kind == Kind::kDevice) {
    memset(to, 0, kStatSize);
    *reinterpret_cast<uint32_t*>(to + 24) = 0100600;  // st_mode
    return 0;
  }
  Bounce bounce;
  const uint64_t place = bounce.reserve(kStatSize);
  const int64_t result = call(__NR_fstat, 0, file.host, place);
  if (result == 0) bounce.get(to, place, kStatSize);
  return result;
}

int64_t stat_path(uint64_t directory, uint64_t address, uint64_t buffer, uint64_t flags) {
  if (!program_range(address, 1) || !program_range(buffer, kStatSize)) return -EFAULT;
  if ((flags & AT_EMPTY_PATH) != 0 && *reinterpret_cast<const char*>(address) == 0)
    return stat_descriptor(directory, buffer);
  Bounce bounce;
  Path path;
  if (const int64_t error = path.take(bounce, directory, address); error != 0) return error;
  if (path.device >= 0) {
    memset(reinterpret_cast<void*>(buffer), 0, kStatSize);
    *reinterpret_cast<uint32_t*>(buffer + 24) = 0100600;
    return 0;
  }
  const uint64_t place = bounce.reserve(kStatSize);
  const int64_t result =
      call(__NR_newfstatat, 0, path.directory, path.place, place, flags & AT_SYMLINK_NOFOLLOW);
  if (result == 0) bounce.get(reinterpret_cast<void*>(buffer), place, kStatSize);
  return result;
}

int64_t two_paths(uint64_t directory1, uint64_t path1, uint64_t directory2, uint64_t path2, uint64_t flags) {
  Bounce bounce;
  Path from, to;
  if (const int64_t error = from.take(bounce, directory1, path1); error != 0) return error;
  if (const int64_t error = to.take(bounce, directory2, path2); error != 0) return error;
  if (from.device >= 0 || to.device >= 0) return -EACCES;
  return call(__NR_renameat2, 0, from.directory, from.place, to.directory, to.place, flags);
}

// one_path runs a call of the shape (directory, path, argument, argument).
int64_t one_path(uint64_t number, uint64_t directory, uint64_t address, uint64_t argument1,
                 uint64_t argument2) {
  Bounce bounce;
  Path path;
  if (const int64_t error = path.take(bounce, directory, address); error != 0) return error;
  if (path.device >= 0) return number == __NR_faccessat ? 0 : -EACCES;
  return call(number, 0, path.directory, path.place, argument1, argument2);
}

// is_name: a directory entry's name: not empty, ended, and no way into another directory.
bool is_name(const uint8_t* name, uint64_t room) {
  for (uint64_t i = 0; i < room && name[i] != '/'; ++i) {
    if (name[i] == 0) return i > 0;
  }
  return false;
}

int64_t read_directory(uint64_t descriptor, uint64_t buffer, uint64_t size) {
  constexpr uint64_t kHeader = 19;  // struct linux_dirent64 before d_name
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  Bounce bounce;
  if (size > bounce.room()) size = bounce.room();
  if (!program_range(buffer, size)) return -EFAULT;
  const uint64_t place = bounce.reserve(size);
  const int64_t got = call(__NR_getdents64, size, host, place, size);
  if (got <= 0) return got;
  bounce.get(reinterpret_cast<void*>(buffer), place, static_cast<uint64_t>(got));
  for (uint64_t at = 0, end = static_cast<uint64_t>(got); at < end;) {
    const auto* record = reinterpret_cast<const uint8_t*>(buffer + at);
    refuse_if(end - at < kHeader + 1, "files.directory_header");
    const uint64_t length = *reinterpret_cast<const uint16_t*>(record + 16);
    refuse_if(length <= kHeader || length % 8 != 0 || length > end - at, "files.directory_length");
    refuse_if(!is_name(record + kHeader, length - kHeader), "files.directory_name");
    at += length;
  }
  return got;
}

int64_t on_host(uint64_t number, uint64_t value_max, uint64_t descriptor, uint64_t a1 = 0, uint64_t a2 = 0,
                uint64_t a3 = 0) {
  const int64_t host = host_of(descriptor);
  return host < 0 ? host : call(number, value_max, host, a1, a2, a3);
}

int64_t seek(uint64_t descriptor, uint64_t offset, uint64_t whence) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (file.kind != Kind::kDevice) return call(__NR_lseek, 0x7fffffffffffffff, file.host, offset, whence);
  if (whence != 0) return -EINVAL;
  set_position(descriptor, offset);
  return static_cast<int64_t>(offset);
}

}  // namespace

bool file_call(uint64_t number, const Arguments& a, int64_t* result) {
  constexpr auto kHere = static_cast<uint64_t>(kCurrentDirectory);
  // clang-format off
  switch (number) {
    case __NR_open: *result = open_path(kHere, a[0], a[1], a[2]); return true;
    case __NR_openat: *result = open_path(a[0], a[1], a[2], a[3]); return true;
    case __NR_creat: *result = open_path(kHere, a[0], O_CREAT | O_WRONLY | O_TRUNC, a[1]); return true;
    case __NR_fstat: *result = stat_descriptor(a[0], a[1]); return true;
    case __NR_stat: *result = stat_path(kHere, a[0], a[1], 0); return true;
    case __NR_lstat: *result = stat_path(kHere, a[0], a[1], AT_SYMLINK_NOFOLLOW); return true;
    case __NR_newfstatat: *result = stat_path(a[0], a[1], a[2], a[3]); return true;
    case __NR_lseek: *result = seek(a[0], a[1], a[2]); return true;
    case __NR_fsync: *result = on_host(number, 0, a[0]); return true;
    case __NR_fdatasync: *result = on_host(number, 0, a[0]); return true;
    case __NR_ftruncate: *result = on_host(number, 0, a[0], a[1]); return true;
    case __NR_fallocate: *result = on_host(number, 0, a[0], a[1], a[2], a[3]); return true;
    case __NR_fchmod: *result = on_host(number, 0, a[0], a[1]); return true;
    case __NR_flock: *result = on_host(number, 0, a[0], a[1]); return true;
    case __NR_getdents64: *result = read_directory(a[0], a[1], a[2]); return true;
    case __NR_rename: *result = two_paths(kHere, a[0], kHere, a[1], 0); return true;
    case __NR_renameat: *result = two_paths(a[0], a[1], a[2], a[3], 0); return true;
    case __NR_renameat2: *result = two_paths(a[0], a[1], a[2], a[3], a[4]); return true;
    case __NR_unlink: *result = one_path(__NR_unlinkat, kHere, a[0], 0, 0); return true;
    case __NR_unlinkat: *result = one_path(number, a[0], a[1], a[2], 0); return true;
    case __NR_rmdir: *result = one_path(__NR_unlinkat, kHere, a[0], AT_REMOVEDIR, 0); return true;
    case __NR_mkdir: *result = one_path(__NR_mkdirat, kHere, a[0], a[1], 0); return true;
    case __NR_mkdirat: *result = one_path(number, a[0], a[1], a[2], 0); return true;
    case __NR_chmod: *result = one_path(__NR_fchmodat, kHere, a[0], a[1], 0); return true;
    case __NR_fchmodat: *result = one_path(number, a[0], a[1], a[2], 0); return true;
    case __NR_access: *result = one_path(__NR_faccessat, kHere, a[0], a[1], 0); return true;
    case __NR_faccessat:
    case __NR_faccessat2: *result = one_path(__NR_faccessat, a[0], a[1], a[2], 0); return true;
    case __NR_readlink:
    case __NR_readlinkat: *result = -EINVAL; return true;  // nothing is a link
    case __NR_umask: *result = 022; return true;
    default: return false;
  }
  // clang-format on
}

}  // namespace clemmys::shield
