#include "softsgx/range.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "softsgx/descriptor.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

namespace clemmys::softsgx {
namespace {

constexpr std::uint64_t kSlotSize = 64ull << 30, kAddressEnd = 0x7ffffffff000;

Error failed(std::string_view site) { return {ErrorCode::kUnsupported, site, std::strerror(errno)}; }

// open_fault_fd asks for user-mode faults only: that needs no privilege (vm.unprivileged_userfaultfd may be
// 0).
int open_fault_fd() {
  const int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY));
  if (fd < 0) return fd;
  uffdio_api api{.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS, .ioctls = 0};
  if (::ioctl(fd, UFFDIO_API, &api) == 0) return out_of_the_way(fd);
  ::close(fd);
  return -1;
}

bool watch(int fd, std::uint64_t base, std::uint64_t size) {
  uffdio_register registration{.range = {base, size}, .mode = UFFDIO_REGISTER_MODE_MISSING, .ioctls = 0};
  return ::ioctl(fd, UFFDIO_REGISTER, &registration) == 0;
}

bool inherited = false;

constexpr int kProtection = PROT_READ | PROT_WRITE, kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

void* map_at(std::uint64_t base, std::uint64_t size) {
  if (base % size != 0 || base > kAddressEnd - size) return nullptr;
  void* where = ::mmap(reinterpret_cast<void*>(base), size, kProtection, kFlags | MAP_FIXED, -1, 0);
  return where == MAP_FAILED ? nullptr : where;
}

void* map_slot(std::uint64_t size) {
  const std::uint64_t stride = std::max(size, kSlotSize);
  for (std::uint64_t base = (kAreaStart + stride - 1) / stride * stride; base + size <= kAreaEnd;
       base += stride) {
    void* where =
        ::mmap(reinterpret_cast<void*>(base), size, kProtection, kFlags | MAP_FIXED_NOREPLACE, -1, 0);
    if (where == reinterpret_cast<void*>(base)) return where;
    if (where != MAP_FAILED) ::munmap(where, size);  // a kernel that does not know MAP_FIXED_NOREPLACE
    if (errno != EEXIST) break;
  }
  return nullptr;
}

}  // namespace

Result<Range> Range::reserve(std::uint64_t size, std::uint64_t base) {
  const int fd = open_fault_fd();
  if (fd < 0) return failed("softsgx.range.userfaultfd");
  Range range(0, size, fd);
  void* where = base != 0 ? map_at(base, size) : map_slot(size);
  if (where == nullptr) return Error{ErrorCode::kExhausted, "softsgx.range.map", std::strerror(errno)};
  range.base_ = reinterpret_cast<std::uint64_t>(where);
  if (!inherited) ::madvise(where, size, MADV_DONTFORK);
  ::madvise(where, size, MADV_DONTDUMP);
  if (!watch(fd, range.base_, size)) return failed("softsgx.range.register");
  return range;
}

void inherit_ranges() { inherited = true; }

bool Range::reopen() {
  close_own_descriptor(fault_fd_);  // the parent's memory
  fault_fd_ = open_fault_fd();
  return fault_fd_ >= 0 && watch(fault_fd_, base_, size_);
}

Range::Range(Range&& other) noexcept
    : base_(std::exchange(other.base_, 0)),
      size_(other.size_),
      fault_fd_(std::exchange(other.fault_fd_, -1)) {}

Range::~Range() {
  if (base_ != 0) ::munmap(reinterpret_cast<void*>(base_), size_);
  if (fault_fd_ >= 0) close_own_descriptor(fault_fd_);
}

bool Range::populate_copy(std::uint64_t offset, const void* content, std::uint64_t size) const {
  std::uint64_t done = 0;
  while (done < size) {
    uffdio_copy copy{.dst = base_ + offset + done,
                     .src = reinterpret_cast<std::uint64_t>(content) + done,
                     .len = size - done,
                     .mode = UFFDIO_COPY_MODE_DONTWAKE,
                     .copy = 0};
    if (::ioctl(fault_fd_, UFFDIO_COPY, &copy) != 0 && errno != EAGAIN) return false;
    if (copy.copy > 0)
      done += static_cast<std::uint64_t>(copy.copy);  // EAGAIN: the mapping changed meanwhile
  }
  return true;
}

bool Range::populate_zero(std::uint64_t offset, std::uint64_t size) const {
  std::uint64_t done = 0;
  while (done < size) {
    uffdio_zeropage zero{
        .range = {base_ + offset + done, size - done}, .mode = UFFDIO_ZEROPAGE_MODE_DONTWAKE, .zeropage = 0};
    if (::ioctl(fault_fd_, UFFDIO_ZEROPAGE, &zero) != 0 && errno != EAGAIN) return false;
    if (zero.zeropage > 0) done += static_cast<std::uint64_t>(zero.zeropage);
  }
  return true;
}

bool Range::discard(std::uint64_t offset, std::uint64_t size) const {
  return ::madvise(at(offset), size, MADV_DONTNEED) == 0;
}
bool Range::protect(std::uint64_t offset, std::uint64_t size, int protection) const {
  return ::mprotect(at(offset), size, protection) == 0;
}

}  // namespace clemmys::softsgx
