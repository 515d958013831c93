#include "enclave/host/isolation.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace clemmys::enclave {
namespace {

constexpr int kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr unsigned long kHarmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr const char* kPlace = "/proc";  // any folder that every machine has

// empty_root makes an empty, read-only file system the root of this mount namespace, which is private already
// for having another owner.
bool empty_root() {
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("none", kPlace, "tmpfs", kHarmless, "size=4k,nr_inodes=1,mode=555") == 0 &&
         chdir(kPlace) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
         mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kHarmless, nullptr) == 0;
}

bool drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

}  // namespace

std::string isolate() {
  if (unshare(kNamespaces) != 0) return std::string("no namespaces of its own: ") + std::strerror(errno);
  if (!empty_root()) return std::string("no root of its own: ") + std::strerror(errno);
  if (!drop_capabilities()) return std::string("capabilities stay: ") + std::strerror(errno);
  return {};
}

Status limit_resources(unsigned descriptors_max) {
  const rlimit none{0, 0}, descriptors{descriptors_max, descriptors_max};
  for (const auto resource : {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE}) {
    if (setrlimit(resource, &none) != 0)
      return Error{ErrorCode::kInternal, "host.isolation.limit", std::strerror(errno)};
  }
  if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0)
    return Error{ErrorCode::kInternal, "host.isolation.descriptors", std::strerror(errno)};
  return {};
}

}  // namespace clemmys::enclave
