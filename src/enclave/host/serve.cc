// What the shield may ask for: the Linux calls of shield/forwarded.h, and our own.
#include <cpuid.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "enclave/host/process.h"
#include "shield/forwarded.h"

namespace clemmys::enclave {
namespace {

using shield::HostCall;
using shield::OwnCall;

using shield::Forwarded;
using shield::Pointer;

constexpr std::uint64_t kFlock = 32;  // sizeof(struct flock)

const Forwarded* shape_of(std::uint64_t number) {
  const auto* found = std::ranges::find(shield::kForwarded, number, &Forwarded::number);
  return found == std::end(shield::kForwarded) ? nullptr : found;
}

// takes_lock: the fcntl commands whose argument is a struct flock.
bool takes_lock(std::uint64_t command) {
  return command == F_GETLK || command == F_OFD_GETLK || command == F_SETLK || command == F_SETLKW ||
         command == F_OFD_SETLK || command == F_OFD_SETLKW;
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
  if (options_.exitless) {
    if (worker_answered(slot)) return;
    wake_worker_for(slot);
  }
  answer(slot);
}

void Process::answer(Slot& slot) {
  const HostCall call = slot.block->call;
  slot.block->call.result = call.number >= static_cast<std::uint64_t>(OwnCall::kAugment)
                                ? serve_own(slot, call)
                                : serve_linux(slot, call);
}

std::int64_t Process::serve_linux(Slot& slot, const HostCall& call) {
  const Forwarded* shape = shape_of(call.number);
  if (shape == nullptr) return -ENOSYS;
  ++counts_->calls[call.number];
  std::uint64_t arguments[6];
  std::copy_n(call.arguments, 6, arguments);
  std::string paths[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const Pointer& pointer = shape->pointers[i];
    if (pointer.argument < 0) break;
    const std::uint64_t address = arguments[pointer.argument];
    if (address == 0 && pointer.optional) continue;
    if (pointer.path) {
      if (!in_bounce(slot, address, 1)) return -EFAULT;
      const auto* text = reinterpret_cast<const char*>(address);
      const std::uint64_t room = slot.block->bounce_address + slot.block->bounce_size - address;
      if (std::memchr(text, 0, room) == nullptr) return -EFAULT;
      paths[i] = mounted(options_.mounts, text);
      arguments[pointer.argument] = reinterpret_cast<std::uint64_t>(paths[i].c_str());
      continue;
    }
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

// augment: the shield keeps to its limit by itself; this holds for one that does not.
std::int64_t Process::augment(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t pages = size / sgx::kPageSize;
  if (pages > options_.pages_max || added_pages_ > options_.pages_max - pages) {
    wanted_too_much_ = true;
    return -ENOMEM;
  }
  ++counts_->augment_calls;
  counts_->augmented_pages += pages;
  if (!enclave_->augment(offset, size)) return -ENOMEM;
  added_pages_ += pages;
  return 0;
}

std::int64_t Process::serve_own(Slot& slot, const HostCall& call) {
  const std::uint64_t* a = call.arguments;
  const std::uint64_t index = call.number - static_cast<std::uint64_t>(OwnCall::kAugment);
  if (index >= counts_->own_calls.size()) return -ENOSYS;
  ++counts_->own_calls[index];
  switch (static_cast<OwnCall>(call.number)) {
    case OwnCall::kAugment:
      return augment(a[0], a[1]);
    case OwnCall::kTrim:
      return enclave_->modify_type(a[0], a[1], sgx::PageType::kTrim) ? 0 : -EINVAL;
    case OwnCall::kRemove:
      if (!enclave_->remove_pages(a[0], a[1])) return -EINVAL;
      added_pages_ -= std::min<std::uint64_t>(added_pages_, a[1] / sgx::kPageSize);
      return 0;
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
    case OwnCall::kRestrict:
      return enclave_->restrict_permissions(a[0], a[1], sgx::secinfo_regular(a[2] & sgx::kSecinfoPermissions))
                 ? 0
                 : -EINVAL;
    case OwnCall::kPanic:
    case OwnCall::kKilled:
      return -EINVAL;
  }
  return -ENOSYS;
}

}  // namespace clemmys::enclave
