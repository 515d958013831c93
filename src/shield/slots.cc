#include "shield/slots.h"

#include "shield/enclu.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/pages.h"

namespace clemmys::shield {
namespace {

uint64_t made;  // beyond the image's

// fill_tcs writes what the packer writes for the slots of the image (pack/layout.cc add_thread). The page is
// zero.
void fill_tcs(uint64_t slot) {
  auto& tcs = *reinterpret_cast<sgx::Tcs*>(slot);
  const uint64_t offset = slot - enclave_base();
  tcs.ossa = offset + kSlotSsaPage * kPageSize;
  tcs.nssa = kNssa;
  tcs.oentry = layout().shield_entry;
  tcs.ofsbase = tcs.ogsbase = offset + kSlotDataPage * kPageSize;
  tcs.fslimit = tcs.gslimit = 0xffffffff;
}

}  // namespace

uint64_t slots_made() { return layout().thread_count_initial + made; }

bool make_slot() {
  const uint64_t index = slots_made();
  if (index >= layout().thread_count) return false;
  const uint64_t slot = slot_address(index);
  constexpr struct {
    uint64_t first, count;
  } kRuns[] = {{kSlotTcsPage, 1 + kNssa * kSsaFrameSizePages},
               {kSlotExceptionStackPage, kSlotExceptionStackPages},
               {kSlotStackPage, kSlotStackPages + 1}};
  static_assert(kSlotSsaPage == kSlotTcsPage + 1 && kSlotDataPage == kSlotStackPage + kSlotStackPages);
  for (const auto& run : kRuns) {
    const uint64_t begin = slot + run.first * kPageSize;
    if (!add_pages(begin, begin + run.count * kPageSize)) return false;
  }
  fill_tcs(slot);
  if (call(OwnCall::kMakeTcs, 0, slot - enclave_base()) != 0) panic("slots.tcs");
  refuse_if(accept_page(slot, sgx::secinfo_flags(sgx::PageType::kTcs, sgx::kSecinfoModified)) != 0,
            "slots.accept");
  ++made;
  return true;
}

}  // namespace clemmys::shield
