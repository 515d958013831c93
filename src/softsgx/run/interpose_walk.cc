// interpose_walk.cc: functions of the C library that read folders by themselves, past readdir: scandir, glob,
// ftw and nftw.
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "softsgx/run/next.h"
#include "softsgx/run/paths.h"

namespace clemmys::softsgx {
namespace {

bool is_dev(const struct stat& status) {
  struct stat dev{};
  return ::syscall(SYS_stat, "/dev", &dev) == 0 && status.st_dev == dev.st_dev && status.st_ino == dev.st_ino;
}
// open_dev opens a path that is /dev; null: it is another.
DIR* open_dev(int dirfd, const char* path) {
  struct stat status{};
  if (::syscall(SYS_newfstatat, dirfd, path, &status, 0) != 0 || !is_dev(status)) return nullptr;
  return ::opendir("/dev");
}

using Wanted = int (*)(const dirent*);
using Order = int (*)(const dirent**, const dirent**);

// scan is scandir over our readdir.
int scan(DIR* stream, dirent*** out, Wanted wanted, Order order) {
  std::vector<dirent*> found;
  while (const dirent* entry = ::readdir(stream)) {
    if (wanted != nullptr && wanted(entry) == 0) continue;
    found.push_back(static_cast<dirent*>(std::calloc(1, sizeof(dirent))));
    std::memcpy(found.back(), entry, std::min<std::size_t>(entry->d_reclen, sizeof *entry));
  }
  ::closedir(stream);
  if (order != nullptr)
    std::qsort(found.data(), found.size(), sizeof(dirent*),
               reinterpret_cast<int (*)(const void*, const void*)>(order));
  *out = static_cast<dirent**>(std::calloc(found.size() + 1, sizeof(dirent*)));
  std::copy(found.begin(), found.end(), *out);
  return static_cast<int>(found.size());
}

// Walk is a walk under way: the program's function, of one of two kinds.
struct Walk {
  __nftw_func_t tree;
  __ftw_func_t flat;
  bool actions;  // FTW_ACTIONRETVAL

  int call(const char* path, const struct stat* status, int flag, FTW* place) const {
    return tree != nullptr ? tree(path, status, flag, place) : flat(path, status, flag);
  }
};
thread_local const Walk* walk = nullptr;

// call_for_nodes gives what the walk goes on with, as after a visit of their folder.
int call_for_nodes(const std::string& folder, int level) {
  for (const std::string name : {"sgx_enclave", "sgx_provision"}) {
    struct stat status{};
    ::stat(("/dev/" + name).c_str(), &status);
    FTW place{.base = static_cast<int>(folder.size()) + 1, .level = level};
    const int answer = walk->call((folder + "/" + name).c_str(), &status, FTW_F, &place);
    if (walk->actions && answer == FTW_SKIP_SIBLINGS) return FTW_SKIP_SUBTREE;
    if (answer != 0 && !(walk->actions && answer == FTW_SKIP_SUBTREE)) return answer;
  }
  return 0;
}

// visit stands for the program's function: /dev brings the nodes along.
int visit(const char* path, const struct stat* status, int flag, FTW* place) {
  const bool dev = (flag == FTW_D || flag == FTW_DP) && is_dev(*status);
  const int level = place != nullptr ? place->level + 1 : 0;
  if (dev && flag == FTW_DP) {
    const int answer = call_for_nodes(path, level);
    if (answer != 0 && !(walk->actions && answer == FTW_SKIP_SUBTREE)) return answer;
  }
  const int answer = walk->call(path, status, flag, place);
  return dev && flag == FTW_D && answer == 0 ? call_for_nodes(path, level) : answer;
}
int visit_flat(const char* path, const struct stat* status, int flag) {
  return visit(path, status, flag, nullptr);
}

}  // namespace
}  // namespace clemmys::softsgx

using namespace clemmys::softsgx;

SOFTSGX_EXPORT int scandir(const char* path, dirent*** out, Wanted wanted, Order order) {
  DIR* const dev = open_dev(AT_FDCWD, path);
  return dev != nullptr ? scan(dev, out, wanted, order) : NEXT(scandir)(path, out, wanted, order);
}
SOFTSGX_EXPORT int scandirat(int dirfd, const char* path, dirent*** out, Wanted wanted, Order order) {
  DIR* const dev = open_dev(dirfd, path);
  return dev != nullptr ? scan(dev, out, wanted, order) : NEXT(scandirat)(dirfd, path, out, wanted, order);
}

// glob takes a program's own functions for reading folders: without such, the ones that a program calls.
SOFTSGX_EXPORT int glob(const char* pattern, int flags, int (*on_error)(const char*, int), glob_t* found) {
  if (flags & GLOB_ALTDIRFUNC) return NEXT(glob)(pattern, flags, on_error, found);
  found->gl_opendir = [](const char* path) -> void* { return ::opendir(path); };
  found->gl_readdir = [](void* stream) { return ::readdir(static_cast<DIR*>(stream)); };
  found->gl_closedir = [](void* stream) { ::closedir(static_cast<DIR*>(stream)); };
  found->gl_stat = ::stat;
  found->gl_lstat = ::lstat;
  const int answer = NEXT(glob)(pattern, flags | GLOB_ALTDIRFUNC, on_error, found);
  found->gl_flags &= ~GLOB_ALTDIRFUNC;
  return answer;
}

// A program's function may begin another walk.
SOFTSGX_EXPORT int nftw(const char* path, __nftw_func_t function, int descriptors, int flags) {
  const Walk own{.tree = function, .flat = nullptr, .actions = (flags & FTW_ACTIONRETVAL) != 0};
  const Walk* const before = std::exchange(walk, &own);
  const int answer = NEXT(nftw)(path, visit, descriptors, flags);
  walk = before;
  return answer;
}
SOFTSGX_EXPORT int ftw(const char* path, __ftw_func_t function, int descriptors) {
  const Walk own{.tree = nullptr, .flat = function, .actions = false};
  const Walk* const before = std::exchange(walk, &own);
  const int answer = NEXT(ftw)(path, visit_flat, descriptors);
  walk = before;
  return answer;
}

// The structures are the same by these names.
asm(R"(
  .irp name, scandir, scandirat, glob, nftw, ftw
  .globl \name\()64
  .set \name\()64, \name
  .endr
)");
