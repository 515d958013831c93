#include "softsgx/state.h"

#include <sys/mman.h>

#include <algorithm>

namespace clemmys::softsgx {
namespace {
std::size_t slot_of(std::uint64_t key, std::size_t capacity) {
  return (key * 0x9e3779b97f4a7c15) >> 20 & (capacity - 1);
}
}  // namespace

TcsState* TcsTable::find(std::uint64_t page) {
  for (std::size_t i = slot_of(page, kCapacity), n = 0; n < kCapacity; i = (i + 1) & (kCapacity - 1), ++n) {
    const std::uint64_t found = slots_[i].page.load(std::memory_order_acquire);
    if (found == page) return &slots_[i];
    if (found == ~0ull) return nullptr;
  }
  return nullptr;
}

bool TcsTable::any_busy() const {
  return std::ranges::any_of(slots_, [](const TcsState& slot) { return slot.busy.load(); });
}

TcsState* TcsTable::insert(std::uint64_t page, const sgx::Tcs& tcs) {
  for (std::size_t i = slot_of(page, kCapacity), n = 0; n < kCapacity; i = (i + 1) & (kCapacity - 1), ++n) {
    TcsState& slot = slots_[i];
    std::uint64_t expected = ~0ull;
    if (slot.page.load() != page && !slot.page.compare_exchange_strong(expected, page) && expected != page)
      continue;
    slot.cssa = 0;
    slot.nssa = tcs.nssa;
    slot.flags = tcs.flags;
    slot.ossa = tcs.ossa;
    slot.oentry = tcs.oentry;
    slot.ofsbase = tcs.ofsbase;
    slot.ogsbase = tcs.ogsbase;
    return &slot;
  }
  return nullptr;
}

bool SiteTable::contains(std::uint64_t address) const {
  for (std::size_t i = slot_of(address, kCapacity), n = 0; n < kCapacity;
       i = (i + 1) & (kCapacity - 1), ++n) {
    const std::uint64_t found = slots_[i].load(std::memory_order_acquire);
    if (found == address) return true;
    if (found == 0) return false;
  }
  return false;
}

bool SiteTable::insert(std::uint64_t address) {
  for (std::size_t i = slot_of(address, kCapacity), n = 0; n < kCapacity;
       i = (i + 1) & (kCapacity - 1), ++n) {
    std::uint64_t expected = 0;
    if (slots_[i].compare_exchange_strong(expected, address) || expected == address) return true;
  }
  return false;
}

State::State(std::shared_ptr<const Machine> machine_in, const sgx::Secs& secs, Range range_in)
    : machine(std::move(machine_in)), range(std::move(range_in)), epcm(secs.size / sgx::kPageSize) {
  identity.secs = secs;
  identity.secs.baseaddr = range.base();
  log.emplace(secs.ssaframesize, secs.size);
}

std::optional<std::array<std::uint64_t, 2>> State::ssa_pages(const TcsState& tcs, std::uint32_t index) const {
  std::uint64_t before = 0;
  const std::uint64_t frame = secs().ssaframesize, first_of_all = tcs.ossa / sgx::kPageSize;
  if (__builtin_mul_overflow(index, frame, &before) || before > range.size() ||
      first_of_all >= range.size() / sgx::kPageSize || frame > range.size() / sgx::kPageSize)
    return std::nullopt;
  const std::uint64_t first = first_of_all + before, last = first + frame - 1;
  if (last >= range.size() / sgx::kPageSize) return std::nullopt;
  return std::array{first, last};
}

bool State::augment_page(std::uint64_t page) {
  const EpcmEntry absent = epcm.load(page);
  const auto flags = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite | sgx::kSecinfoPending);
  if (absent.valid()) return false;
  const PagingGuard guard;
  if (!epc_take(*this)) return false;
  if (absent.any(EpcmEntry::kProtected))
    range.protect(page * sgx::kPageSize, sgx::kPageSize, PROT_READ | PROT_WRITE);
  if (!epcm.replace(page, absent, EpcmEntry::of(flags))) {
    epc_give_back(*this);
    return false;
  }
  count(Event::kEaug);
  return true;
}

void State::serve_fault(std::uint64_t page) {
  if (!augment_page(page)) return;
  count(Event::kPageFault);
  count(Event::kAex);
  count(Event::kEresume);
}

bool State::apply_permissions(std::uint64_t page, std::uint64_t count, std::uint16_t permissions) const {
  const int protection = (permissions & sgx::kSecinfoRead ? PROT_READ : 0) |
                         (permissions & sgx::kSecinfoWrite ? PROT_WRITE : 0) |
                         (permissions & sgx::kSecinfoExecute ? PROT_EXEC : 0);
  const std::uint64_t end = (page + count) * sgx::kPageSize;
  for (std::uint64_t at = page * sgx::kPageSize; at < end;) {
    const Mappings::Run run = mappings.run(at);
    const std::uint64_t until = std::min(run.end, end);
    if (!range.protect(at, until - at, protection & run.protection)) return false;
    at = until;
  }
  return true;
}

bool State::remap(std::uint64_t begin, std::uint64_t end) const {
  constexpr std::uint16_t kPlain = sgx::kSecinfoRead | sgx::kSecinfoWrite;
  const std::uint64_t last = end / sgx::kPageSize;
  if (!apply_permissions(begin / sgx::kPageSize, (end - begin) / sgx::kPageSize, kPlain)) return false;
  const auto special = [this](std::uint64_t page) {
    const EpcmEntry entry = epcm.load(page);
    return entry.valid() && entry.has(EpcmEntry::kProtected) && entry.type() != sgx::PageType::kTrim;
  };
  for (std::uint64_t page = epcm.next_used(begin / sgx::kPageSize, last); page < last;
       page = epcm.next_used(page, last)) {
    if (!special(page)) {
      ++page;
      continue;
    }
    const std::uint16_t permissions = epcm.load(page).bits & EpcmEntry::kPermissions;
    const std::uint64_t first = page++;
    while (page < last && special(page) && (epcm.load(page).bits & EpcmEntry::kPermissions) == permissions)
      ++page;
    if (!apply_permissions(first, page - first, permissions)) return false;
  }
  return true;
}

bool tcs_reserved_clear(const sgx::Tcs& tcs) {
  return tcs.ocetssa == 0 && tcs.prevssp == 0 &&
         std::ranges::all_of(tcs.reserved, [](std::uint8_t b) { return b == 0; });
}

bool tcs_limits_fit(const sgx::Tcs& tcs, const sgx::Secs& secs) {
  constexpr std::uint32_t kMask = sgx::kPageSize - 1;
  return (secs.attributes.flags & sgx::kAttributeMode64) || (tcs.fslimit & tcs.gslimit & kMask) == kMask;
}

}  // namespace clemmys::softsgx
