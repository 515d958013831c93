// Files: paths are copied and checked against the allow-list, metadata is copied back, directory entries are
// checked record by record, because C libraries walk them by the lengths they contain.
#include <asm/stat.h>
#include <linux/fcntl.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/image_files.h"
#include "shield/memory.h"
#include "shield/own_files.h"
#include "shield/path_argument.h"
#include "shield/scatter.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kStatSize = sizeof(struct stat);

uint64_t umask_bits = 022;
uint64_t umask() { return __atomic_load_n(&umask_bits, __ATOMIC_RELAXED); }

int64_t open_path(uint64_t directory, uint64_t address, uint64_t flags, uint64_t mode) {
  Bounce bounce;
  PathArgument path;
  if (const int64_t error = path.take(bounce, directory, address); error != 0) return error;
  if (is_own(path.own.kind)) return own_open(path.own, flags);
  return adopt_answer(
      call(__NR_openat, kHostDescriptorsMax - 1, path.directory, path.place, flags, mode & ~umask()));
}

// take_stat copies a struct stat to the program. C libraries divide by its block size and allocate its size.
void take_stat(const Bounce& bounce, uint64_t place, uint64_t buffer) {
  constexpr uint64_t kSecond = 1'000'000'000;
  const auto facts = bounce.get<struct stat>(place);
  const bool times =
      facts.st_atime_nsec < kSecond && facts.st_mtime_nsec < kSecond && facts.st_ctime_nsec < kSecond;
  refuse_if(facts.st_size < 0 || facts.st_blksize <= 0 || facts.st_blocks < 0 || !times, "files.stat");
  memcpy(reinterpret_cast<void*>(buffer), &facts, kStatSize);
}

int64_t stat_descriptor(uint64_t descriptor, uint64_t buffer) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (!program_range(buffer, kStatSize)) return -EFAULT;
  if (is_own(file.kind)) {
    own_stat(file.kind, own_size(file), file.device, buffer);
    return 0;
  }
  Bounce bounce;
  const uint64_t place = bounce.reserve(kStatSize);
  const int64_t result = call(__NR_fstat, 0, file.host, place);
  if (result == 0) take_stat(bounce, place, buffer);
  return result;
}

int64_t stat_path(uint64_t directory, uint64_t address, uint64_t buffer, uint64_t flags) {
  if (!program_range(address, 1) || !program_range(buffer, kStatSize)) return -EFAULT;
  if ((flags & AT_EMPTY_PATH) != 0 && *reinterpret_cast<const char*>(address) == 0)
    return stat_descriptor(directory, buffer);
  Bounce bounce;
  PathArgument path;
  if (const int64_t error = path.take(bounce, directory, address); error != 0) return error;
  if (is_own(path.own.kind)) {
    const bool of_image = path.own.kind == Kind::kImage;
    const int64_t size = of_image ? static_cast<int64_t>(image_file_size(path.own.which)) : 0;
    own_stat(path.own.kind, size, path.own.which, buffer);
    return 0;
  }
  const uint64_t place = bounce.reserve(kStatSize);
  const int64_t result =
      call(__NR_newfstatat, 0, path.directory, path.place, place, flags & AT_SYMLINK_NOFOLLOW);
  if (result == 0) take_stat(bounce, place, buffer);
  return result;
}

int64_t two_paths(uint64_t directory1, uint64_t path1, uint64_t directory2, uint64_t path2, uint64_t flags) {
  Bounce bounce;
  PathArgument from, to;
  if (const int64_t error = from.take(bounce, directory1, path1); error != 0) return error;
  if (const int64_t error = to.take(bounce, directory2, path2); error != 0) return error;
  if (is_own(from.own.kind) || is_own(to.own.kind)) return -EACCES;
  return call(__NR_renameat2, 0, from.directory, from.place, to.directory, to.place, flags);
}

// one_path runs a call of the shape (directory, path, argument, argument).
int64_t one_path(uint64_t number, uint64_t directory, uint64_t address, uint64_t argument1,
                 uint64_t argument2) {
  Bounce bounce;
  PathArgument path;
  if (const int64_t error = path.take(bounce, directory, address); error != 0) return error;
  if (is_own(path.own.kind)) {
    constexpr uint64_t kWrite = 2;
    const bool allowed =
        number == __NR_faccessat && (path.own.kind == Kind::kDevice || (argument1 & kWrite) == 0);
    return allowed ? 0 : -EACCES;
  }
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

// sync_all is sync: also what was written through descriptors that are closed, so it is the host's. A program
// without paths has nothing there.
int64_t sync_all() { return (layout().manifest_flags & kAllowHostFiles) != 0 ? call(__NR_sync, 0) : 0; }

int64_t seek(uint64_t descriptor, uint64_t offset, uint64_t whence) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (is_own(file.kind)) return own_seek(descriptor, file, offset, whence);
  return call(__NR_lseek, 0x7fffffffffffffff, file.host, offset, whence);
}

int64_t truncate_path(uint64_t address, uint64_t size) {
  const int64_t file = open_path(static_cast<uint64_t>(kCurrentDirectory), address, O_WRONLY | O_CLOEXEC, 0);
  if (file < 0) return file;
  const int64_t result = on_host(__NR_ftruncate, 0, static_cast<uint64_t>(file), size);
  close_open(static_cast<uint64_t>(file));
  return result;
}

int64_t set_times(uint64_t directory, uint64_t address, uint64_t times, uint64_t flags) {
  constexpr uint64_t kTimes = 2 * sizeof(Timespec);
  if (times != 0 && !program_range(times, kTimes)) return -EFAULT;
  Bounce bounce;
  PathArgument path;
  if (address == 0) {  // of the descriptor itself
    path.directory = host_of(directory);
    if (path.directory < 0) return path.directory;
  } else if (const int64_t error = path.take(bounce, directory, address); error != 0) {
    return error;
  } else if (is_own(path.own.kind)) {
    return -EPERM;
  }
  const uint64_t place = times == 0 ? 0 : bounce.put(reinterpret_cast<const void*>(times), kTimes);
  return call(__NR_utimensat, 0, path.directory, path.place, place, flags);
}

// own_anew is chown: all files are the one user's, and stay so.
int64_t own_anew(uint64_t user, uint64_t group) {
  const auto same = [](uint64_t id) { return id == 0 || static_cast<uint32_t>(id) == ~0u; };
  return same(user) && same(group) ? 0 : -EPERM;
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
    case __NR_sync: *result = sync_all(); return true;
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
    case __NR_mkdir: *result = one_path(__NR_mkdirat, kHere, a[0], a[1] & ~umask(), 0); return true;
    case __NR_mkdirat: *result = one_path(number, a[0], a[1], a[2] & ~umask(), 0); return true;
    case __NR_chmod: *result = one_path(__NR_fchmodat, kHere, a[0], a[1], 0); return true;
    case __NR_fchmodat: *result = one_path(number, a[0], a[1], a[2], 0); return true;
    case __NR_access: *result = one_path(__NR_faccessat, kHere, a[0], a[1], 0); return true;
    case __NR_faccessat:
    case __NR_faccessat2: *result = one_path(__NR_faccessat, a[0], a[1], a[2], 0); return true;
    case __NR_readlink:
    case __NR_readlinkat: *result = -EINVAL; return true;  // nothing is a link
    case __NR_umask: *result = static_cast<int64_t>(__atomic_exchange_n(&umask_bits, a[0] & 0777, __ATOMIC_RELAXED)); return true;
    case __NR_chdir: *result = change_directory(a[0]); return true;
    case __NR_getcwd: *result = working_directory(a[0], a[1]); return true;
    case __NR_truncate: *result = truncate_path(a[0], a[1]); return true;
    case __NR_utimensat: *result = set_times(a[0], a[1], a[2], a[3]); return true;
    case __NR_chown:
    case __NR_lchown: *result = own_anew(a[1], a[2]); return true;
    case __NR_fchown: *result = own_anew(a[1], a[2]); return true;
    case __NR_fchownat: *result = own_anew(a[2], a[3]); return true;
    default: return false;
  }
  // clang-format on
}

}  // namespace clemmys::shield
