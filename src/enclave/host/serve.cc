// What the shield may ask for: one table of Linux calls with the places of their pointers, and our own calls.
#include <cpuid.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "enclave/host/process.h"

namespace clemmys::enclave {
namespace {

using shield::HostCall;
using shield::OwnCall;

// Pointer says that argument `argument` points to memory: `size` bytes, or as many as argument
// `size_argument` says times `size`. A path is NUL-terminated. Null is allowed where `optional`.
struct Pointer {
  int argument = -1;
  std::uint32_t size = 0;
  int size_argument = -1;
  bool path = false, optional = false;
};

struct Shape {
  long number;
  Pointer pointers[3];
};

constexpr Pointer fixed(int argument, std::uint32_t size) { return {argument, size}; }
constexpr Pointer optional(int argument, std::uint32_t size) { return {argument, size, -1, false, true}; }
constexpr Pointer sized(int argument, int size_argument, std::uint32_t unit = 1) {
  return {argument, unit, size_argument};
}
constexpr Pointer path(int argument) { return {argument, 0, -1, true}; }
constexpr std::uint32_t kAddress = 128, kStat = 144, kTimer = 32, kFlock = 32, kEpollEvent = 12, kPollFd = 8;

// clang-format off
constexpr Shape kShapes[] = {
    {SYS_read, {sized(1, 2)}}, {SYS_write, {sized(1, 2)}}, {SYS_pread64, {sized(1, 2)}}, {SYS_pwrite64, {sized(1, 2)}},
    {SYS_close, {}}, {SYS_dup, {}}, {SYS_lseek, {}}, {SYS_fsync, {}}, {SYS_fdatasync, {}}, {SYS_ftruncate, {}},
    {SYS_fallocate, {}}, {SYS_fchmod, {}}, {SYS_flock, {}}, {SYS_ioctl, {fixed(2, 4)}}, {SYS_fcntl, {}},
    {SYS_fstat, {fixed(1, kStat)}}, {SYS_newfstatat, {path(1), fixed(2, kStat)}}, {SYS_openat, {path(1)}},
    {SYS_getdents64, {sized(1, 2)}}, {SYS_renameat2, {path(1), path(3)}}, {SYS_unlinkat, {path(1)}},
    {SYS_mkdirat, {path(1)}}, {SYS_fchmodat, {path(1)}}, {SYS_faccessat, {path(1)}}, {SYS_pipe2, {fixed(0, 8)}},
    {SYS_socket, {}}, {SYS_socketpair, {fixed(3, 8)}}, {SYS_bind, {sized(1, 2)}}, {SYS_connect, {sized(1, 2)}},
    {SYS_listen, {}}, {SYS_shutdown, {}}, {SYS_accept4, {optional(1, kAddress), optional(2, 4)}},
    {SYS_getsockname, {fixed(1, kAddress), fixed(2, 4)}}, {SYS_getpeername, {fixed(1, kAddress), fixed(2, 4)}},
    {SYS_setsockopt, {sized(3, 4)}}, {SYS_getsockopt, {optional(3, 1), fixed(4, 4)}},
    {SYS_sendto, {sized(1, 2), optional(4, kAddress)}},
    {SYS_recvfrom, {sized(1, 2), optional(4, kAddress), optional(5, 4)}},
    {SYS_epoll_create1, {}}, {SYS_epoll_ctl, {fixed(3, kEpollEvent)}}, {SYS_epoll_wait, {sized(1, 2, kEpollEvent)}},
    {SYS_poll, {sized(0, 1, kPollFd)}}, {SYS_eventfd2, {}}, {SYS_timerfd_create, {}},
    {SYS_timerfd_settime, {fixed(2, kTimer), fixed(3, kTimer)}}, {SYS_timerfd_gettime, {fixed(1, kTimer)}},
    {SYS_clock_gettime, {fixed(1, 16)}}, {SYS_sched_yield, {}}, {SYS_sched_getaffinity, {sized(2, 1)}},
};
// clang-format on

const Shape* shape_of(std::uint64_t number) {
  const auto* found = std::ranges::find(kShapes, static_cast<long>(number), &Shape::number);
  return found == std::end(kShapes) ? nullptr : found;
}

// takes_lock: the fcntl commands whose argument is a struct flock.
bool takes_lock(std::uint64_t command) {
  return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
}

// mounted gives the host's path for a path of the program.
std::string mounted(const std::vector<Mount>& mounts, const char* path) {
  const std::string_view text = path;
  for (const Mount& mount : mounts) {
    if (!text.starts_with(mount.inside)) continue;
    const std::string_view rest = text.substr(mount.inside.size());
    if (rest.empty() || rest[0] == '/') return mount.outside + std::string(rest);
  }
  return path;
}

// mounted_address maps the path of a Unix socket's address, as `mounted` does. 0: it does not fit.
std::size_t mounted_address(const std::vector<Mount>& mounts, ByteView address, sockaddr_un& out) {
  constexpr std::size_t kFamily = offsetof(sockaddr_un, sun_path);
  std::memset(&out, 0, sizeof out);
  if (address.size() > sizeof out) return 0;
  std::memcpy(&out, address.data(), address.size());
  if (out.sun_family != AF_UNIX || address.size() <= kFamily || out.sun_path[0] != '/') return address.size();
  const std::string text(out.sun_path, strnlen(out.sun_path, sizeof out.sun_path));
  const std::string path = mounted(mounts, text.c_str());
  if (path.size() >= sizeof out.sun_path) return 0;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return kFamily + path.size() + 1;
}

}  // namespace

bool Process::in_bounce(const Slot& slot, std::uint64_t address, std::uint64_t size) const {
  const std::uint64_t begin = slot.block->bounce_address, end = begin + slot.block->bounce_size;
  return address >= begin && address <= end && size <= end - address;
}

void Process::serve(Slot& slot) {
  const HostCall call = slot.block->call;
  slot.block->call.result = call.number >= static_cast<std::uint64_t>(OwnCall::kAugment)
                                ? serve_own(slot, call)
                                : serve_linux(slot, call);
}

std::int64_t Process::serve_linux(Slot& slot, const HostCall& call) {
  const Shape* shape = shape_of(call.number);
  if (shape == nullptr) return -ENOSYS;
  ++counts_.calls[call.number];
  std::uint64_t arguments[6];
  std::copy_n(call.arguments, 6, arguments);
  std::string paths[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const Pointer& pointer = shape->pointers[i];
    if (pointer.argument < 0) break;
    const std::uint64_t address = arguments[pointer.argument];
    if (pointer.path) {
      if (!in_bounce(slot, address, 1)) return -EFAULT;
      const auto* text = reinterpret_cast<const char*>(address);
      const std::uint64_t room = slot.block->bounce_address + slot.block->bounce_size - address;
      if (std::memchr(text, 0, room) == nullptr) return -EFAULT;
      paths[i] = mounted(options_.mounts, text);
      arguments[pointer.argument] = reinterpret_cast<std::uint64_t>(paths[i].c_str());
      continue;
    }
    if (address == 0 && pointer.optional) continue;
    std::uint64_t size = pointer.size;
    if (pointer.size_argument >= 0) {
      if (arguments[pointer.size_argument] > slot.block->bounce_size) return -EFAULT;
      size *= arguments[pointer.size_argument];
    }
    if (!in_bounce(slot, address, size)) return -EFAULT;
  }
  if (call.number == SYS_fcntl && takes_lock(arguments[1]) && !in_bounce(slot, arguments[2], kFlock))
    return -EFAULT;
  sockaddr_un unix_address;
  if ((call.number == SYS_bind || call.number == SYS_connect) && arguments[2] >= sizeof(sa_family_t) &&
      *reinterpret_cast<const sa_family_t*>(arguments[1]) == AF_UNIX) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(arguments[1]);
    arguments[2] = mounted_address(options_.mounts, {bytes, arguments[2]}, unix_address);
    if (arguments[2] == 0) return -ENAMETOOLONG;
    arguments[1] = reinterpret_cast<std::uint64_t>(&unix_address);
  }
  const long result = ::syscall(static_cast<long>(call.number), arguments[0], arguments[1], arguments[2],
                                arguments[3], arguments[4], arguments[5]);
  return result < 0 ? -errno : result;
}

std::int64_t Process::serve_own(Slot& slot, const HostCall& call) {
  const std::uint64_t* a = call.arguments;
  const std::uint64_t index = call.number - static_cast<std::uint64_t>(OwnCall::kAugment);
  if (index >= counts_.own_calls.size()) return -ENOSYS;
  ++counts_.own_calls[index];
  switch (static_cast<OwnCall>(call.number)) {
    case OwnCall::kAugment:
      ++counts_.augment_calls;
      counts_.augmented_pages += a[1] / sgx::kPageSize;
      return enclave_->augment(a[0], a[1]) ? 0 : -ENOMEM;
    case OwnCall::kTrim:
      return enclave_->modify_type(a[0], a[1], sgx::PageType::kTrim) ? 0 : -EINVAL;
    case OwnCall::kRemove:
      return enclave_->remove_pages(a[0], a[1]) ? 0 : -EINVAL;
    case OwnCall::kMakeTcs:
      return enclave_->modify_type(a[0], sgx::kPageSize, sgx::PageType::kTcs) ? 0 : -EINVAL;
    case OwnCall::kSpawnThread:
      return spawn(a[0]);
    case OwnCall::kPark:
      park(slot, a[1]);
      return 0;
    case OwnCall::kUnpark:
      if (a[0] >= slots_.size()) return -EINVAL;
      unpark(slots_[a[0]]);
      return 0;
    case OwnCall::kCpuid: {
      if (!in_bounce(slot, a[2], 16)) return -EFAULT;
      auto* out = reinterpret_cast<std::uint32_t*>(a[2]);
      __cpuid_count(static_cast<std::uint32_t>(a[0]), static_cast<std::uint32_t>(a[1]), out[0], out[1],
                    out[2], out[3]);
      return 0;
    }
    case OwnCall::kQuote:
      return quote(slot, a);
    case OwnCall::kTargetInfo:
      return target_info(slot, a[0]);
    case OwnCall::kPanic:
      return -EINVAL;
  }
  return -ENOSYS;
}

}  // namespace clemmys::enclave
