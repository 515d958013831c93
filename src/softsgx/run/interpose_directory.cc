// interpose_directory.cc: the nodes among the names in /dev, and behind their descriptors in /proc/self/fd.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>
#include <string_view>

#include "softsgx/run/next.h"
#include "softsgx/run/paths.h"

namespace clemmys::softsgx {
namespace {

// Shown is how many of our names a stream of /dev has given; they come after the others.
struct Streams {
  std::mutex lock;
  std::map<DIR*, std::size_t> shown;
};
Streams& streams() {
  static Streams* const instance = new Streams;
  return *instance;
}

bool is_dev(DIR* stream) {
  struct stat here{}, dev{};
  return ::syscall(SYS_fstat, ::dirfd(stream), &here) == 0 && ::syscall(SYS_stat, "/dev", &dev) == 0 &&
         here.st_dev == dev.st_dev && here.st_ino == dev.st_ino;
}

template <typename Entry>
Entry* our_entry(DIR* stream) {
  if (!is_dev(stream)) return nullptr;
  const std::scoped_lock guard(streams().lock);
  std::size_t& shown = streams().shown[stream];
  constexpr const char* kNames[] = {"sgx_enclave", "sgx_provision"};
  static thread_local Entry entry;
  if (shown == std::size(kNames)) return nullptr;
  entry = {};
  entry.d_ino = kFirstNodeInode + shown;
  entry.d_reclen = sizeof entry;
  entry.d_type = DT_CHR;
  std::strcpy(entry.d_name, kNames[shown++]);
  return &entry;
}

void forget(DIR* stream) {
  const std::scoped_lock guard(streams().lock);
  streams().shown.erase(stream);
}

// named puts the node's name where the kernel names the file that stands for it here.
ssize_t named(ssize_t length, char* name, std::size_t room) {
  if (length <= 0) return length;
  const std::string_view found(name, static_cast<std::size_t>(length));
  for (const std::string_view node : {"sgx_enclave", "sgx_provision"}) {
    if (found != "/memfd:" + std::string(node) + " (deleted)") continue;
    const std::string shown = "/dev/" + std::string(node);
    std::memcpy(name, shown.data(), std::min(room, shown.size()));
    return static_cast<ssize_t>(std::min(room, shown.size()));
  }
  return length;
}

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

SOFTSGX_EXPORT dirent* readdir(DIR* stream) {
  dirent* entry = NEXT(readdir)(stream);
  return entry != nullptr ? entry : our_entry<dirent>(stream);
}
SOFTSGX_EXPORT dirent64* readdir64(DIR* stream) {
  dirent64* entry = NEXT(readdir64)(stream);
  return entry != nullptr ? entry : our_entry<dirent64>(stream);
}
SOFTSGX_EXPORT void rewinddir(DIR* stream) noexcept {
  forget(stream);
  NEXT(rewinddir)(stream);
}
SOFTSGX_EXPORT int closedir(DIR* stream) {
  forget(stream);
  return NEXT(closedir)(stream);
}

SOFTSGX_EXPORT ssize_t readlink(const char* path, char* out, size_t room) noexcept {
  return named(NEXT(readlink)(path, out, room), out, room);
}
SOFTSGX_EXPORT ssize_t readlinkat(int dirfd, const char* path, char* out, size_t room) noexcept {
  return named(NEXT(readlinkat)(dirfd, path, out, room), out, room);
}
