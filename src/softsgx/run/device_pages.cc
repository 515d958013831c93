// device_pages.cc: the driver's calls that go over a range of pages.
#include <algorithm>
#include <cerrno>

#include "softsgx/host_access.h"
#include "softsgx/run/device.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {

using sgx::kPageSize;
using sgx::PageType;

namespace {

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

bool valid_secinfo(const sgx::Secinfo& secinfo) {
  const auto flags = secinfo.flags;
  const std::uint64_t permissions = flags.bits & sgx::kSecinfoPermissions;
  const bool tcs = flags.type() == sgx::PageType::kTcs;
  return (tcs || flags.type() == sgx::PageType::kRegular) && !(tcs && permissions) &&
         !((permissions & sgx::kSecinfoWrite) && !(permissions & sgx::kSecinfoRead)) &&
         !(flags.bits & ~(sgx::kSecinfoPermissions | 0xff00)) && all_zero(secinfo.reserved);
}

}  // namespace

bool Device::valid_range(std::uint64_t offset, std::uint64_t length) const {
  return offset % kPageSize == 0 && length != 0 && length % kPageSize == 0 && offset + length >= offset &&
         offset + length - kPageSize < enclave_->size();
}

int Device::protection_max(std::uint64_t page) const {
  const std::scoped_lock guard(lock_);
  const auto* found = build_protection_.find(page * kPageSize);
  return found != nullptr ? found->value : Mappings::kAll;  // added by EAUG: the enclave decides
}

template <typename Argument, typename Step>
long Device::each_page(void* user, Argument& argument, Step step) {
  constexpr bool signals_stop =
      std::is_same_v<Argument, sgx_enclave_add_pages>;  // of the four calls, as in Linux
  const std::uint64_t handlers_before = handlers_run(), offset = argument.offset;
  const unsigned every = partial_every.load();
  const bool stop = every != 0 && argument.length > kPageSize && ++calls_ % every == 0;
  long result = 0;
  for (; argument.count < argument.length; argument.count += kPageSize) {
    const bool interrupted = signals_stop && handlers_run() != handlers_before;
    if (argument.count > 0 && (interrupted || stop)) break;  // success, and what was done
    result = step(offset + argument.count);
    if (result != 0) break;
  }
  return copy_user(user, &argument, sizeof argument) ? result : -EFAULT;
}

long Device::add_page(const sgx_enclave_add_pages& terms, const sgx::Secinfo& secinfo, std::uint64_t done) {
  const std::uint64_t offset = terms.offset + done;
  if (enclave_->internal_state().epcm.load(offset / kPageSize).valid()) return -EBUSY;
  std::uint8_t content[kPageSize];
  if (!copy_user(content, reinterpret_cast<const void*>(terms.src + done), sizeof content)) return -EFAULT;
  const Status added = enclave_->add_pages(offset, content, secinfo.flags, terms.flags & SGX_PAGE_MEASURE);
  if (!added) return added.error().code == ErrorCode::kExhausted ? -ENOMEM : -EIO;
  const bool tcs = secinfo.flags.type() == sgx::PageType::kTcs;
  const int protection = tcs ? PROT_READ | PROT_WRITE
                             : (secinfo.flags.bits & sgx::kSecinfoRead ? PROT_READ : 0) |
                                   (secinfo.flags.bits & sgx::kSecinfoWrite ? PROT_WRITE : 0) |
                                   (secinfo.flags.bits & sgx::kSecinfoExecute ? PROT_EXEC : 0);
  const std::scoped_lock guard(lock_);
  build_protection_.set(offset, offset + kPageSize, protection);
  return 0;
}

long Device::add_pages(void* argument) {
  if (!enclave_ || initialized_) return -EINVAL;
  sgx_enclave_add_pages terms;
  if (!copy_user(&terms, argument, sizeof terms)) return -EFAULT;
  if (terms.src % kPageSize != 0 || !valid_range(terms.offset, terms.length)) return -EINVAL;
  sgx::Secinfo secinfo;
  if (!copy_user(&secinfo, reinterpret_cast<const void*>(terms.secinfo), sizeof secinfo)) return -EFAULT;
  if (!valid_secinfo(secinfo)) return -EINVAL;
  terms.count = 0;
  return each_page(argument, terms,
                   [&](std::uint64_t offset) { return add_page(terms, secinfo, offset - terms.offset); });
}

long Device::restrict_page(std::uint64_t offset, std::uint64_t permissions, __u64& result) {
  const EpcmEntry entry = enclave_->internal_state().epcm.load(offset / kPageSize);
  if (!entry.valid()) return -EFAULT;
  if (entry.type() != PageType::kRegular) return -EINVAL;
  const Status done = enclave_->restrict_permissions(offset, kPageSize, sgx::secinfo_regular(permissions));
  if (done) return 0;
  if (done.error().site == kNotModifiable) result = static_cast<__u64>(sgx::SgxError::kPageNotModifiable);
  return -EFAULT;
}

long Device::modify_page(std::uint64_t offset, PageType type, __u64& result) {
  const std::uint64_t page = offset / kPageSize;
  const EpcmEntry entry = enclave_->internal_state().epcm.load(page);
  if (!entry.valid()) return -EFAULT;
  const bool trims_tcs = entry.type() == PageType::kTcs && type == PageType::kTrim;
  if (entry.type() != PageType::kRegular && !trims_tcs) return -EINVAL;
  constexpr int kReadWrite = PROT_READ | PROT_WRITE;
  if (type == PageType::kTcs && (protection_max(page) & kReadWrite) != kReadWrite) return -EPERM;
  const Status done = enclave_->modify_type(offset, kPageSize, type);
  if (done) {
    const std::scoped_lock guard(lock_);
    if (type == PageType::kTcs) build_protection_.set(offset, offset + kPageSize, kReadWrite);
    return 0;
  }
  if (done.error().site == kNotModifiable) result = static_cast<__u64>(sgx::SgxError::kPageNotModifiable);
  return -EFAULT;
}

long Device::remove_page(std::uint64_t offset) {
  const EpcmEntry entry = enclave_->internal_state().epcm.load(offset / kPageSize);
  if (!entry.valid()) return -EFAULT;
  if (!enclave_->remove_pages(offset, kPageSize)) return -EPERM;
  const std::scoped_lock guard(lock_);
  build_protection_.erase(offset, offset + kPageSize);
  return 0;
}

long Device::debug(std::uint64_t address, std::uint8_t* bytes, std::size_t size, bool write) {
  if (!enclave_ || !(attributes_ & sgx::kAttributeDebug)) return -EFAULT;
  const auto [first, last] = range();
  if (address < first || address + size > last) return -EFAULT;
  const auto length = static_cast<long>(size);
  long done = 0;
  while (done < length) {
    const std::uint64_t offset = address - first + static_cast<std::uint64_t>(done);
    const long within = static_cast<long>(offset % 8), part = std::min<long>(8 - within, length - done);
    auto word = enclave_->debug_read(offset - offset % 8);
    if (!word) break;
    auto* inside = reinterpret_cast<std::uint8_t*>(&*word) + within;
    if (!write) {
      std::copy_n(inside, part, bytes + done);
    } else {
      std::copy_n(bytes + done, part, inside);
      if (!enclave_->debug_write(offset - offset % 8, *word)) break;
    }
    done += part;
  }
  return done > 0 ? done : -EIO;
}

long Device::restrict_permissions(void* argument) {
  if (!initialized_) return -EINVAL;
  sgx_enclave_restrict_permissions terms;
  if (!copy_user(&terms, argument, sizeof terms)) return -EFAULT;
  if (!valid_range(terms.offset, terms.length) || (terms.permissions & ~sgx::kSecinfoPermissions) ||
      ((terms.permissions & sgx::kSecinfoWrite) && !(terms.permissions & sgx::kSecinfoRead)) ||
      terms.result != 0 || terms.count != 0)
    return -EINVAL;
  return each_page(argument, terms, [&](std::uint64_t offset) {
    return restrict_page(offset, terms.permissions, terms.result);
  });
}

long Device::modify_types(void* argument) {
  if (!initialized_) return -EINVAL;
  sgx_enclave_modify_types terms;
  if (!copy_user(&terms, argument, sizeof terms)) return -EFAULT;
  if (!valid_range(terms.offset, terms.length) || (terms.page_type & ~std::uint64_t{0xff}) ||
      terms.result != 0 || terms.count != 0)
    return -EINVAL;
  const auto type = static_cast<PageType>(terms.page_type);
  if (type != PageType::kTcs && type != PageType::kTrim) return -EINVAL;
  return each_page(argument, terms,
                   [&](std::uint64_t offset) { return modify_page(offset, type, terms.result); });
}

long Device::remove_pages(void* argument) {
  if (!initialized_) return -EINVAL;
  sgx_enclave_remove_pages terms;
  if (!copy_user(&terms, argument, sizeof terms)) return -EFAULT;
  if (!valid_range(terms.offset, terms.length) || terms.count != 0) return -EINVAL;
  return each_page(argument, terms, [&](std::uint64_t offset) { return remove_page(offset); });
}

}  // namespace clemmys::softsgx
