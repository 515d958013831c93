// interpose_memory.cc: mmap, munmap, mprotect and madvise over enclave ranges. The memory of an enclave's
// range is softsgx's from ECREATE on; what the program maps there is noted by its Device. A device mapping
// elsewhere (before ECREATE: a way to get an address) is an inaccessible mapping of nothing.
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "softsgx/range.h"
#include "softsgx/run/files.h"
#include "softsgx/run/next.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

constexpr std::uint64_t kPage = sgx::kPageSize;
std::uint64_t number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }
std::uint64_t whole_pages(std::size_t size) { return (size + kPage - 1) & ~(kPage - 1); }
void* failed(int error) { return errno = error, MAP_FAILED; }

// place_of gives a reservation of address space a hint in the area where every kernel lets enclaves be.
void* place_of(std::size_t size) {
  static std::atomic<std::uint64_t> next{(kAreaStart + kAreaEnd) / 2};
  const std::uint64_t place = next.fetch_add(whole_pages(size) + (1u << 30));
  return place + size < kAreaEnd ? reinterpret_cast<void*>(place) : nullptr;
}

bool is_fixed(int flags) { return (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0; }

void* map_device(Device& device, void* address, std::size_t size, int protection, int flags, int fd,
                 off_t offset) {
  const int type = flags & MAP_TYPE, access = ::fcntl(fd, F_GETFL) & O_ACCMODE;
  const std::uint64_t length = whole_pages(size), fixed = number(address);
  if (length == 0 || (offset & static_cast<off_t>(kPage - 1)) ||
      (type != MAP_SHARED && type != MAP_SHARED_VALIDATE) || (is_fixed(flags) && fixed % kPage != 0))
    return failed(EINVAL);
  if (access == O_WRONLY || ((protection & PROT_WRITE) && access != O_RDWR)) return failed(EACCES);
  if (access == O_RDONLY) device.opened_read_only();
  // An address without MAP_FIXED is a hint: what is mapped there stays (mmap(2)).
  const bool taken = !is_fixed(flags) && device.maps_any(fixed, fixed + length);
  const bool inside = device.contains(fixed, fixed + length) && !taken;
  std::uint64_t begin = fixed;
  if (!inside) {
    const int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE));
    if (is_fixed(flags) && device.may_map(fixed, fixed + length, protection) != 0) return failed(EACCES);
    void* hint = address != nullptr && !taken ? address : place_of(length);
    void* placed = MEMORY(mmap)(hint, length, PROT_NONE, how, -1, 0);
    if (placed == MAP_FAILED) return placed;
    begin = number(placed);
  } else if ((flags & MAP_FIXED_NOREPLACE) && device.maps_any(begin, begin + length)) {
    return failed(EEXIST);
  }
  if (device.may_map(begin, begin + length, protection) != 0) {
    if (!inside) MEMORY(munmap)(reinterpret_cast<void*>(begin), length);
    return failed(EACCES);
  }
  device.map(begin, begin + length, protection);
  return reinterpret_cast<void*>(begin);
}

void* map_other(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  const bool reserves = protection == PROT_NONE && (flags & MAP_ANONYMOUS);
  if (is_fixed(flags) && files().any()) {
    const std::uint64_t begin = number(address), end = begin + whole_pages(size);
    for (const auto& device : files().devices()) {
      if (!device->overlaps(begin, end)) continue;
      device->unmap(begin, end);
      if (reserves && device->contains(begin, end)) return address;  // the range is ours anyway
    }
  }
  if (reserves && address == nullptr) address = place_of(size);
  return MEMORY(mmap)(address, size, protection, flags, fd, offset);
}

void* map(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  if (!(flags & MAP_ANONYMOUS) && fd >= 0 && files().any()) {
    if (const auto device = files().device(fd))
      return map_device(*device, address, size, protection, flags, fd, offset);
    if (files().node(fd) == Node::kProvision) return failed(ENODEV);
  }
  return map_other(address, size, protection, flags, fd, offset);
}

// keeps_pages: advice that the driver's mappings take, too: about reading ahead, children and dumps. It
// changes nothing here. All other is about pages of ordinary memory.
bool keeps_pages(int advice) {
  return advice == MADV_NORMAL || advice == MADV_RANDOM || advice == MADV_SEQUENTIAL ||
         advice == MADV_DONTFORK || advice == MADV_DONTDUMP;
}

// unmap_outside really unmaps what lies in no enclave's range.
int unmap_outside(std::uint64_t begin, std::uint64_t end,
                  const std::vector<std::shared_ptr<Device>>& devices) {
  Intervals<bool> pieces;
  pieces.set(begin, end, true);
  for (const auto& device : devices) {
    const auto [first, last] = device->range();
    pieces.erase(first, last);
  }
  for (const auto& piece : pieces.items())
    if (MEMORY(munmap)(reinterpret_cast<void*>(piece.begin), piece.end - piece.begin) != 0) return -1;
  return 0;
}

}  // namespace
}  // namespace clemmys::softsgx

extern "C" {  // ours, below
int __real_munmap(void*, size_t);
int __real_mprotect(void*, size_t, int);
}

using namespace clemmys::softsgx;

SOFTSGX_EXPORT void* mmap(void* address, size_t size, int protection, int flags, int fd,
                          off_t offset) noexcept {
  return map(address, size, protection, flags, fd, offset);
}
SOFTSGX_EXPORT void* mmap64(void* address, size_t size, int protection, int flags, int fd,
                            off_t offset) noexcept {
  return map(address, size, protection, flags, fd, offset);
}

SOFTSGX_EXPORT int munmap(void* address, size_t size) noexcept {
  const std::uint64_t begin = number(address), end = begin + whole_pages(size);
  if (!files().any() || begin % kPage != 0 || end <= begin) return MEMORY(munmap)(address, size);
  const auto devices = files().devices();
  bool ours = false;
  for (const auto& device : devices) {
    if (!device->overlaps(begin, end)) continue;
    ours = true;
    device->unmap(begin, end);
  }
  if (!ours) return MEMORY(munmap)(address, size);
  if (unmap_outside(begin, end, devices) != 0) return -1;
  files().collect();
  return 0;
}

SOFTSGX_EXPORT int mprotect(void* address, size_t size, int protection) noexcept {
  const std::uint64_t begin = number(address), end = begin + whole_pages(size);
  if (files().any() && begin % kPage == 0 && end > begin) {
    for (const auto& device : files().devices()) {
      if (!device->overlaps(begin, end)) continue;
      if (!device->maps_all(begin, end)) return errno = ENOMEM, -1;
      if (device->may_map(begin, end, protection) != 0) return errno = EACCES, -1;
      device->map(begin, end, protection);
      return 0;
    }
  }
  return MEMORY(mprotect)(address, size, protection);
}

// A protection key of enclave pages is not looked at.
SOFTSGX_EXPORT int pkey_mprotect(void* address, size_t size, int protection, int key) noexcept {
  const std::uint64_t begin = number(address), end = begin + whole_pages(size);
  if (files().any())
    for (const auto& device : files().devices())
      if (device->overlaps(begin, end)) return __real_mprotect(address, size, protection);
  return MEMORY(pkey_mprotect)(address, size, protection, key);
}

SOFTSGX_EXPORT int madvise(void* address, size_t size, int advice) noexcept {
  const std::uint64_t begin = number(address), end = begin + whole_pages(size);
  if (files().any())
    for (const auto& device : files().devices())
      if (device->overlaps(begin, end)) return keeps_pages(advice) ? 0 : (errno = EINVAL, -1);
  return MEMORY(madvise)(address, size, advice);
}

// The driver's mappings do not grow. They can be moved, but an enclave's page is of no use at another
// address: here they stay where they are.
SOFTSGX_EXPORT void* mremap(void* address, size_t old_size, size_t new_size, int flags, ...) noexcept {
  va_list arguments;
  va_start(arguments, flags);
  void* wanted = va_arg(arguments, void*);
  va_end(arguments);
  const std::uint64_t begin = number(address), old_end = begin + whole_pages(old_size),
                      end = begin + whole_pages(new_size), target = number(wanted);
  if (files().any())
    for (const auto& device : files().devices()) {
      if (device->overlaps(begin, std::max(old_end, begin + 1))) {
        if (end > old_end || old_size == 0) return failed(EFAULT);
        if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) return failed(EINVAL);
        if (end < old_end) (void)__real_munmap(reinterpret_cast<void*>(end), old_end - end);
        return address;
      }
      if ((flags & MREMAP_FIXED) && device->overlaps(target, target + whole_pages(new_size)))
        device->unmap(target, target + whole_pages(new_size));
    }
  return MEMORY(mremap)(address, old_size, new_size, flags, wanted);
}

// What softsgx itself calls goes past the functions above (linked with --wrap).
extern "C" {
void* __wrap_mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  return MEMORY(mmap)(address, size, protection, flags, fd, offset);
}
int __wrap_munmap(void* address, size_t size) { return MEMORY(munmap)(address, size); }
int __wrap_mprotect(void* address, size_t size, int protection) {
  return MEMORY(mprotect)(address, size, protection);
}
int __wrap_madvise(void* address, size_t size, int advice) { return MEMORY(madvise)(address, size, advice); }
}
