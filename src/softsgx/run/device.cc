// device.cc: the driver's flow for building and running enclaves; changes of pages are in device_pages.cc.
#include "softsgx/run/device.h"

#include <cerrno>
#include <cstring>

#include "softsgx/host_access.h"
#include "softsgx/registry.h"
#include "softsgx/run/address_space.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

using sgx::kPageSize;

// What CPUID says is supported; the rest is reserved in a SIGSTRUCT.
constexpr std::uint64_t kAttributesUnprivileged =
    sgx::kAttributeDebug | sgx::kAttributeMode64 | sgx::kAttributeKss;
constexpr std::uint64_t kAttributesKnown = kAttributesUnprivileged | sgx::kAttributeInit |
                                           sgx::kAttributeProvisionKey | sgx::kAttributeEinitTokenKey;
constexpr std::uint32_t kVendorIntel = 0x8086;

}  // namespace

std::atomic<unsigned> Device::partial_every{0}, Device::calls_{0};

Device::Device(std::shared_ptr<const Machine> machine, std::function<bool(std::uint64_t)> is_provision)
    : machine_(std::move(machine)),
      is_provision_(std::move(is_provision)),
      attributes_allowed_(kAttributesUnprivileged) {}

Device::~Device() = default;

long Device::ioctl(unsigned long request, void* argument) {
  if (busy_.exchange(true, std::memory_order_acquire)) return -EBUSY;
  long result = -ENOTTY;
  switch (request) {
    case SGX_IOC_ENCLAVE_CREATE:
      result = create(argument);
      break;
    case SGX_IOC_ENCLAVE_ADD_PAGES:
      result = add_pages(argument);
      break;
    case SGX_IOC_ENCLAVE_INIT:
      result = initialize(argument);
      break;
    case SGX_IOC_ENCLAVE_PROVISION:
      result = provision(argument);
      break;
    case SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS:
      result = restrict_permissions(argument);
      break;
    case SGX_IOC_ENCLAVE_MODIFY_TYPES:
      result = modify_types(argument);
      break;
    case SGX_IOC_ENCLAVE_REMOVE_PAGES:
      result = remove_pages(argument);
      break;
    default:
      break;
  }
  busy_.store(false, std::memory_order_release);
  return result;
}

long Device::create(const void* argument) {
  if (enclave_) return -EINVAL;
  sgx_enclave_create terms;
  sgx::Secs secs;
  if (!copy_user(&terms, argument, sizeof terms) ||
      !copy_user(&secs, reinterpret_cast<const void*>(terms.src), sizeof secs))
    return -EFAULT;
  if (secs.size == 0 || (secs.size & (secs.size - 1)) != 0) return -EINVAL;
  if (secs.baseaddr % secs.size != 0) return -EIO;  // ECREATE: #GP
  if (!may_be_replaced(secs.baseaddr, secs.baseaddr + secs.size)) return -ENOMEM;
  auto created = Enclave::create(machine_, secs);
  if (!created) return created.error().code == ErrorCode::kInvalid ? -EIO : -ENOMEM;
  State& state = (*created)->internal_state();
  const std::scoped_lock guard(lock_);
  state.mappings.restrict();
  for (const auto& item : mapped_.items()) {
    const std::uint64_t begin = std::max(item.begin, state.base()),
                        end = std::min(item.end, state.base() + secs.size);
    if (begin < end) state.mappings.map(begin - state.base(), end - state.base(), item.value);
  }
  if (!state.remap(0, secs.size)) return -ENOMEM;
  attributes_ = secs.attributes.flags;
  attributes_allowed_ = kAttributesUnprivileged;  // a PROVISION before is of no effect, as in the driver
  enclave_ = std::move(*created);
  return 0;
}

long Device::initialize(const void* argument) {
  if (!enclave_ || initialized_) return -EINVAL;
  sgx_enclave_init terms;
  sgx::Sigstruct sigstruct;
  if (!copy_user(&terms, argument, sizeof terms) ||
      !copy_user(&sigstruct, reinterpret_cast<const void*>(terms.sigstruct), sizeof sigstruct))
    return -EFAULT;
  if (sigstruct.vendor != 0 && sigstruct.vendor != kVendorIntel) return -EINVAL;
  if (attributes_ & ~attributes_allowed_) return -EACCES;
  if ((sigstruct.attributes.flags & sigstruct.attributemask.flags & ~kAttributesKnown) ||
      (sigstruct.miscselect & sigstruct.miscmask & ~sgx::kMiscExinfo) ||
      (sigstruct.attributes.xfrm & sigstruct.attributemask.xfrm & ~(sgx::kXfrmLegacy | sgx::kXfrmAvx)))
    return -EINVAL;
  if (!enclave_->initialize(sigstruct)) return -EPERM;
  initialized_ = true;
  return 0;
}

long Device::provision(const void* argument) {
  sgx_enclave_provision terms;
  if (!copy_user(&terms, argument, sizeof terms)) return -EFAULT;
  if (!is_provision_(terms.fd)) return -EINVAL;
  attributes_allowed_ |= sgx::kAttributeProvisionKey;
  return 0;
}

int Device::may_map(std::uint64_t begin, std::uint64_t end, int protection) const {
  if ((protection & PROT_WRITE) && read_only_) return -EACCES;
  const std::scoped_lock guard(lock_);
  if (!enclave_) return 0;
  const std::uint64_t base = enclave_->base();
  const bool outside = begin < base || end > base + enclave_->size();
  if (outside) return initialized_ ? -EACCES : 0;
  for (const auto* item = build_protection_.next(begin - base); item != nullptr && item->begin < end - base;
       item = build_protection_.next(item->end))
    if (protection & ~item->value) return -EACCES;
  return 0;
}

void Device::map(std::uint64_t begin, std::uint64_t end, int protection) {
  const std::scoped_lock guard(lock_);
  mapped_.set(begin, end, protection);
  if (!enclave_) return;
  State& state = enclave_->internal_state();
  begin = std::max(begin, state.base());
  end = std::min(end, state.base() + enclave_->size());
  if (begin >= end) return;
  state.mappings.map(begin - state.base(), end - state.base(), protection);
  (void)state.remap(begin - state.base(), end - state.base());
}

void Device::unmap(std::uint64_t begin, std::uint64_t end) {
  const std::scoped_lock guard(lock_);
  mapped_.erase(begin, end);
  if (!enclave_) return;
  State& state = enclave_->internal_state();
  begin = std::max(begin, state.base());
  end = std::min(end, state.base() + enclave_->size());
  if (begin >= end) return;
  state.mappings.unmap(begin - state.base(), end - state.base());
  (void)state.remap(begin - state.base(), end - state.base());
}

bool Device::mapped() const {
  const std::scoped_lock guard(lock_);
  return !mapped_.empty();
}

std::vector<Intervals<int>::Interval> Device::mappings() const {
  const std::scoped_lock guard(lock_);
  return mapped_.items();
}

bool Device::maps_all(std::uint64_t begin, std::uint64_t end) const {
  const std::scoped_lock guard(lock_);
  while (begin < end) {
    const auto* found = mapped_.find(begin);
    if (found == nullptr) return false;
    begin = found->end;
  }
  return true;
}

bool Device::maps_any(std::uint64_t begin, std::uint64_t end) const {
  const std::scoped_lock guard(lock_);
  const auto* next = mapped_.next(begin);
  return next != nullptr && next->begin < end;
}

std::pair<std::uint64_t, std::uint64_t> Device::range() const {
  const std::scoped_lock guard(lock_);
  if (!enclave_) return {0, 0};
  return {enclave_->base(), enclave_->base() + enclave_->size()};
}

bool Device::contains(std::uint64_t begin, std::uint64_t end) const {
  const auto [first, last] = range();
  return begin >= first && begin < last && end > begin && end <= last;
}

bool Device::overlaps(std::uint64_t begin, std::uint64_t end) const {
  const auto [first, last] = range();
  return (begin < last && end > first) || maps_any(begin, end);
}

bool Device::idle() const {
  return !enclave_ ||
         (enclave_->internal_state().users == 0 && !enclave_->internal_state().tcs_table.any_busy());
}

}  // namespace clemmys::softsgx
