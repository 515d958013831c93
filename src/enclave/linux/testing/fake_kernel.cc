#include "enclave/linux/testing/fake_kernel.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "softsgx/range.h"

namespace clemmys::enclave {
namespace {

using sgx::kPageSize;

FakeKernel* running = nullptr;  // the vDSO function has no other way to its kernel

int errno_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kExists:
    case ErrorCode::kConflict:
      return EBUSY;
    case ErrorCode::kExhausted:
      return ENOMEM;
    default:
      return EINVAL;
  }
}

}  // namespace

FakeKernel::FakeKernel(std::shared_ptr<const softsgx::Machine> machine) : machine_(std::move(machine)) {
  CHECK(running == nullptr);
  running = this;
}
FakeKernel::~FakeKernel() { running = nullptr; }

int FakeKernel::open(const char* path, int) {
  const std::scoped_lock guard(lock_);
  const std::string_view name(path);
  const bool provision = name == "/dev/sgx_provision";
  if (!(provision ? provision_present : name == "/dev/sgx_enclave" && device_present)) return -ENOENT;
  files_[next_fd_].provision = provision;
  return next_fd_++;
}

int FakeKernel::close(int fd) {
  const std::scoped_lock guard(lock_);
  return files_.erase(fd) == 1 ? 0 : -EBADF;
}

long FakeKernel::ioctl(int fd, unsigned long request, void* argument) {
  const std::scoped_lock guard(lock_);
  const auto found = files_.find(fd);
  if (found == files_.end() || found->second.provision) return -EBADF;
  File& file = found->second;
  switch (request) {
    case SGX_IOC_ENCLAVE_CREATE:
      return create(file, *static_cast<sgx_enclave_create*>(argument));
    case SGX_IOC_ENCLAVE_ADD_PAGES:
      return add_pages(file, *static_cast<sgx_enclave_add_pages*>(argument));
    case SGX_IOC_ENCLAVE_INIT:
      return initialize(file, *static_cast<sgx_enclave_init*>(argument));
    case SGX_IOC_ENCLAVE_PROVISION: {
      const auto other = files_.find(static_cast<int>(static_cast<sgx_enclave_provision*>(argument)->fd));
      if (other == files_.end() || !other->second.provision) return -EINVAL;
      file.may_provision = true;
      return 0;
    }
    case SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS: {
      auto& a = *static_cast<sgx_enclave_restrict_permissions*>(argument);
      if ((a.permissions & ~sgx::kSecinfoPermissions) ||
          ((a.permissions & sgx::kSecinfoWrite) && !(a.permissions & sgx::kSecinfoRead)))
        return -EINVAL;
      return change(file, a, [&](std::uint64_t offset) {
        return file.enclave->restrict_permissions(offset, kPageSize, sgx::secinfo_regular(a.permissions));
      });
    }
    case SGX_IOC_ENCLAVE_MODIFY_TYPES: {
      auto& a = *static_cast<sgx_enclave_modify_types*>(argument);
      const auto type = static_cast<sgx::PageType>(a.page_type);
      if (type != sgx::PageType::kTcs && type != sgx::PageType::kTrim) return -EINVAL;
      return change(file, a,
                    [&](std::uint64_t offset) { return file.enclave->modify_type(offset, kPageSize, type); });
    }
    case SGX_IOC_ENCLAVE_REMOVE_PAGES:
      return change(file, *static_cast<sgx_enclave_remove_pages*>(argument),
                    [&](std::uint64_t offset) { return file.enclave->remove_pages(offset, kPageSize); });
    default:
      return -ENOTTY;
  }
}

long FakeKernel::create(File& file, const sgx_enclave_create& argument) {
  if (file.enclave) return -EINVAL;
  sgx::Secs secs;
  std::memcpy(&secs, reinterpret_cast<const void*>(argument.src), sizeof secs);
  if (secs.baseaddr == 0) return -EINVAL;
  auto enclave = softsgx::Enclave::create(machine_, secs);
  if (!enclave) return -errno_of(enclave.error());
  file.attribute_flags = secs.attributes.flags;
  file.enclave = std::move(*enclave);
  return 0;
}

long FakeKernel::add_pages(File& file, sgx_enclave_add_pages& a) {
  a.count = 0;
  if (!file.enclave || file.initialized) return -EINVAL;
  if (a.offset % kPageSize || a.src % kPageSize || a.length == 0 || a.length % kPageSize ||
      a.offset + a.length > file.enclave->size() || (a.flags & ~std::uint64_t{SGX_PAGE_MEASURE}))
    return -EINVAL;
  sgx::Secinfo secinfo;
  std::memcpy(&secinfo, reinterpret_cast<const void*>(a.secinfo), sizeof secinfo);
  const bool stop = interrupted() && a.length > kPageSize;
  const std::uint64_t length = stop ? a.length / kPageSize / 2 * kPageSize : a.length;
  for (; a.count < length; a.count += kPageSize) {
    const auto* content = reinterpret_cast<const std::uint8_t*>(a.src + a.count);
    const Status status = file.enclave->add_pages(a.offset + a.count, {content, kPageSize}, secinfo.flags,
                                                  a.flags & SGX_PAGE_MEASURE);
    if (!status) return -errno_of(status.error());
    file.protection_max[a.offset + a.count] = secinfo.flags.type() == sgx::PageType::kTcs
                                                  ? PROT_READ | PROT_WRITE
                                                  : (secinfo.flags.bits & 1 ? PROT_READ : 0) |
                                                        (secinfo.flags.bits & 2 ? PROT_WRITE : 0) |
                                                        (secinfo.flags.bits & 4 ? PROT_EXEC : 0);
  }
  return stop ? -EINTR : 0;
}

long FakeKernel::initialize(File& file, const sgx_enclave_init& a) {
  if (!file.enclave || file.initialized) return -EINVAL;
  if ((file.attribute_flags & sgx::kAttributeProvisionKey) && !file.may_provision) return -EACCES;
  sgx::Sigstruct sigstruct;
  std::memcpy(&sigstruct, reinterpret_cast<const void*>(a.sigstruct), sizeof sigstruct);
  if (!file.enclave->initialize(sigstruct)) return -EPERM;
  file.initialized = true;
  return 0;
}

template <typename Argument, typename Change>
long FakeKernel::change(File& file, Argument& a, Change change_pages) {
  a.count = 0;
  if (!file.enclave || !file.initialized || a.offset % kPageSize || a.length == 0 || a.length % kPageSize ||
      a.offset + a.length > file.enclave->size())
    return -EINVAL;
  const bool stop = interrupted() && a.length > kPageSize;
  const std::uint64_t length = stop ? kPageSize : a.length;
  for (; a.count < length; a.count += kPageSize)
    if (const Status status = change_pages(a.offset + a.count); !status) return -errno_of(status.error());
  return stop ? -EAGAIN : 0;
}

// An anonymous reservation is real memory, placed where softsgx can be; a mapping of an enclave is only
// checked and noted.
std::int64_t FakeKernel::map(std::uint64_t address, std::uint64_t size, int protection, int flags, int fd,
                             std::uint64_t) {
  const std::scoped_lock guard(lock_);
  if (fd < 0) {
    for (std::uint64_t at = softsgx::kAreaStart; at + size <= softsgx::kAreaEnd;
         at += std::max<std::uint64_t>(size, 1ull << 30)) {
      void* where = ::mmap(reinterpret_cast<void*>(at + kPageSize), size, protection,
                           flags | MAP_FIXED_NOREPLACE, -1, 0);  // not aligned
      if (where != MAP_FAILED) return reinterpret_cast<std::int64_t>(where);
    }
    return -ENOMEM;
  }
  const auto found = files_.find(fd);
  if (found == files_.end() || !found->second.enclave) return -EBADF;
  File& file = found->second;
  const std::uint64_t base = file.enclave->base();
  if (!(flags & MAP_SHARED) || address < base || size > file.enclave->size() ||
      address - base > file.enclave->size() - size)
    return -EINVAL;
  for (auto page = file.protection_max.lower_bound(address - base);
       page != file.protection_max.end() && page->first < address - base + size; ++page)
    if (protection & ~page->second) return -EACCES;
  file.mapped[address - base] = address - base + size;
  return static_cast<std::int64_t>(address);
}

int FakeKernel::unmap(std::uint64_t address, std::uint64_t size) {
  const std::scoped_lock guard(lock_);
  if (owner(address) != nullptr) return 0;  // the enclave goes with its file
  return ::munmap(reinterpret_cast<void*>(address), size) == 0 ? 0 : -errno;
}

int FakeKernel::protect(std::uint64_t, std::uint64_t, int) { return 0; }

FakeKernel::File* FakeKernel::owner(std::uint64_t address) {
  for (auto& [fd, file] : files_)
    if (file.enclave && address - file.enclave->base() < file.enclave->size()) return &file;
  return nullptr;
}

void FakeKernel::touch(std::uint64_t address) {
  const std::scoped_lock guard(lock_);
  File* file = owner(address);
  CHECK(file != nullptr);
  const std::uint64_t offset = address - file->enclave->base();
  const auto mapping = file->mapped.upper_bound(offset);
  CHECK(mapping != file->mapped.begin() &&
        offset < std::prev(mapping)->second);  // a real process would get SIGSEGV
  CHECK(file->enclave->augment(offset & ~(kPageSize - 1), kPageSize).has_value());
}

vdso_sgx_enter_enclave_t FakeKernel::enter_function() { return vdso_present ? &FakeKernel::enter : nullptr; }

int FakeKernel::enter(unsigned long rdi, unsigned long rsi, unsigned long rdx, unsigned function,
                      unsigned long r8, unsigned long r9, sgx_enclave_run* run) {
  if (function != 2 && function != 3) return -EINVAL;
  if (std::ranges::any_of(run->reserved, [](auto b) { return b != 0; })) return -EINVAL;
  softsgx::Enclave* enclave = nullptr;
  {
    const std::scoped_lock guard(running->lock_);
    File* file = running->owner(run->tcs);
    if (file != nullptr) enclave = file->enclave.get();
  }
  softsgx::Entry entry{.tcs = run->tcs,
                       .leaf = static_cast<sgx::EnterLeaf>(function),
                       .rdi = rdi,
                       .rsi = rsi,
                       .rdx = rdx,
                       .r8 = r8,
                       .r9 = r9};
  const bool entered = enclave != nullptr && enclave->enter(entry).has_value();
  run->function = !entered ? function : entry.faulted ? 3u : 4u;
  if (!entered || entry.faulted) {
    run->exception_vector = entered ? entry.vector : std::uint16_t{13};
    run->exception_error_code = entered ? entry.error_code : std::uint16_t{0};
    run->exception_addr = entered ? entry.address : 0;
  }
  if (run->user_handler == 0) return run->function == 4 ? 0 : -EFAULT;
  const auto handler = reinterpret_cast<sgx_enclave_user_handler_t>(run->user_handler);
  return handler(static_cast<long>(entry.rdi), static_cast<long>(entry.rsi), static_cast<long>(entry.rdx), 0,
                 static_cast<long>(entry.r8), static_cast<long>(entry.r9), run);
}

}  // namespace clemmys::enclave
