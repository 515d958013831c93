// encls_pages.cc: the ENCLS leaf functions that change the pages of a running enclave: EAUG, EMODPR, EMODT,
// EREMOVE, and for debuggers EDBGRD, EDBGWR. Each check names the line of the leaf's "Operation" section in
// the Intel SDM, volume 3D, chapter "SGX Instruction References", that it stands for. ETRACK has nothing to
// do: mprotect returns when no processor has the page in its TLB any more.
#include <sys/mman.h>

#include <cstring>

#include "softsgx/encls.h"
#include "softsgx/paging.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

using sgx::kPageSize;
using sgx::PageType;

// Page is one page in the cache, held there.
struct Page {
  PagingGuard guard;
  EpcmEntry entry;
  bool loaded;
  Page(State& state, std::uint64_t number) : loaded(epc_load(state, number)) {
    entry = state.epcm.load(number);
  }
  // usable: EPCM.VALID, and not written out.
  bool valid() const { return loaded && entry.valid(); }
  bool settled() const { return !entry.any(EpcmEntry::kPending | EpcmEntry::kModified); }
};

}  // namespace

Status Enclave::augment(std::uint64_t offset, std::uint64_t size) {
  State& state = *state_;
  // EAUG: "SECS is not initialized": #GP(0). "enclave offset is within the enclave linear address space":
  // #GP(0).
  if (!state.initialized) return Error{ErrorCode::kConflict, "softsgx.eaug.uninitialized"};
  TRY(check_range(state, offset, size, "softsgx.eaug.range"));
  // "EPCM(DS:RCX).VALID ≠ 0": #PF. As touching the pages on Linux does: pages that are there stay as they
  // are.
  for (std::uint64_t page = offset / kPageSize; page < (offset + size) / kPageSize; ++page)
    if (state.augment_page(page)) state.count(Event::kPageFault);
  return {};
}

Status Enclave::restrict_permissions(std::uint64_t offset, std::uint64_t size, sgx::SecinfoFlags flags) {
  const std::scoped_lock lock(state_->lock);
  State& state = *state_;
  TRY(check_range(state, offset, size, "softsgx.emodpr.range"));
  const auto keep = static_cast<std::uint16_t>(flags.bits & sgx::kSecinfoPermissions);
  // EMODPR: "SCRATCH_SECINFO reserved fields are not zero", "FLAGS.R is 0 and FLAGS.W is not 0": #GP(0).
  if (flags.bits & ~(sgx::kSecinfoPermissions | 0xff00)) return refused("softsgx.emodpr.flags", "flags");
  if ((keep & sgx::kSecinfoWrite) && !(keep & sgx::kSecinfoRead))
    return refused("softsgx.emodpr.flags", "writable but not readable");
  // "SECS.ATTRIBUTES.INIT = 0": #GP(0).
  if (!state.initialized) return Error{ErrorCode::kConflict, "softsgx.emodpr.uninitialized"};
  for (std::uint64_t number = offset / kPageSize; number < (offset + size) / kPageSize; ++number) {
    const Page page(state, number);
    // "EPCM(DS:RCX).VALID is 0": #PF.
    if (!page.valid()) return refused("softsgx.emodpr.page", "no page");
    // "PENDING is not 0 or MODIFIED is not 0": SGX_PAGE_NOT_MODIFIABLE.
    if (!page.settled()) return refused(kNotModifiable, "not accepted");
    // "EPCM(DS:RCX).PT is not PT_REG": #PF.
    if (page.entry.type() != PageType::kRegular) return refused("softsgx.emodpr.page", "not a regular page");
    // "Set the PR bit"; permissions are and-ed.
    const EpcmEntry wanted = page.entry.without(static_cast<std::uint16_t>(EpcmEntry::kPermissions & ~keep))
                                 .with(EpcmEntry::kRestricted | EpcmEntry::kProtected);
    if (!state.epcm.replace(number, page.entry, wanted))
      return Error{ErrorCode::kConflict, "softsgx.emodpr.changed"};
    if (!state.apply_permissions(number, 1, wanted.bits & EpcmEntry::kPermissions))
      return Error{ErrorCode::kExhausted, "softsgx.emodpr.protect"};
    state.count(Event::kEmodpr);
  }
  return {};
}

Status Enclave::modify_type(std::uint64_t offset, std::uint64_t size, PageType type) {
  const std::scoped_lock lock(state_->lock);
  State& state = *state_;
  TRY(check_range(state, offset, size, "softsgx.emodt.range"));
  // EMODT: "SCRATCH_SECINFO.FLAGS.PT is PT_TCS or PT_TRIM", else #GP(0). "SECS.ATTRIBUTES.INIT = 0": #GP(0).
  if (type != PageType::kTrim && type != PageType::kTcs) return refused("softsgx.emodt.type", "type");
  if (!state.initialized) return Error{ErrorCode::kConflict, "softsgx.emodt.uninitialized"};
  for (std::uint64_t number = offset / kPageSize; number < (offset + size) / kPageSize; ++number) {
    const Page page(state, number);
    // "EPCM(DS:RCX).VALID is 0 or PT is neither PT_REG nor PT_TCS": #PF.
    if (!page.valid()) return refused("softsgx.emodt.page", "no page");
    // A TCS becomes nothing but TRIM: the Linux driver's rule.
    const bool from_tcs = type == PageType::kTrim && page.entry.type() == PageType::kTcs;
    if (page.settled() && page.entry.type() != PageType::kRegular && !from_tcs)
      return refused("softsgx.emodt.page", "neither regular nor a thread");
    // "PENDING is not 0 or MODIFIED is not 0": SGX_PAGE_NOT_MODIFIABLE.
    if (!page.settled()) return refused(kNotModifiable, "not accepted");
    // "Update EPCM fields": PR 0, MODIFIED 1, RWX 0, PT as asked.
    EpcmEntry wanted = page.entry.without(EpcmEntry::kPermissions | EpcmEntry::kRestricted)
                           .with(EpcmEntry::kModified)
                           .with_type(type);
    if (type == PageType::kTcs) wanted = wanted.with(EpcmEntry::kProtected);
    if (!state.epcm.replace(number, page.entry, wanted))
      return Error{ErrorCode::kConflict, "softsgx.emodt.changed"};
    if (type == PageType::kTcs && !state.apply_permissions(number, 1, 0))
      return Error{ErrorCode::kExhausted, "softsgx.emodt.protect"};
    state.count(Event::kEmodt);
  }
  // A trimmed page is out of reach at once; only its EPCM entry waits for EACCEPT and EREMOVE.
  if (type == PageType::kTrim && !state.range.discard(offset, size))
    return Error{ErrorCode::kInternal, "softsgx.emodt.discard"};
  return {};
}

Status Enclave::remove_pages(std::uint64_t offset, std::uint64_t size) {
  const std::scoped_lock lock(state_->lock);
  State& state = *state_;
  TRY(check_range(state, offset, size, "softsgx.eremove.range"));
  for (std::uint64_t number = offset / kPageSize; number < (offset + size) / kPageSize; ++number) {
    const Page page(state, number);
    // EREMOVE of other pages than these is SGX_ENCLAVE_ACT while a thread is inside, and the Linux driver
    // asks for none: of a running enclave only pages go that are "PT_TRIM and MODIFIED = 0". All others, and
    // after them the SECS (else SGX_CHILD_PRESENT), go with the enclave, when no thread is inside.
    if (!page.valid() || page.entry.type() != PageType::kTrim || page.entry.any(EpcmEntry::kModified))
      return refused("softsgx.eremove.page", "not trimmed and accepted");
    state.epcm.store(number, EpcmEntry{}.with(page.entry.bits & EpcmEntry::kProtected));
    epc_give_back(state);
    state.count(Event::kEremove);
  }
  return {};
}

namespace {

// debuggable is what EDBGRD and EDBGWR check alike.
Status debuggable(const State& state, const Page& page, std::uint64_t offset) {
  constexpr std::string_view site = "softsgx.edbg";
  // "DS:RCX is not 8Byte Aligned": #GP(0). "EPCM(DS:RCX).VALID = 0": #PF; a SECS page is not in the range.
  if (offset % sizeof(std::uint64_t) != 0) return refused(site, "alignment");
  if (!page.valid() || page.entry.type() == PageType::kTrim) return refused(site, "no page");
  // "PENDING = 1 or MODIFIED = 1": SGX_PAGE_NOT_DEBUGGABLE.
  if (!page.settled()) return refused(site, "not accepted");
  // "SECS.ATTRIBUTES.DEBUG = 0": #GP(0). EPCM's RWX are ignored.
  if (!(state.secs().attributes.flags & sgx::kAttributeDebug)) return refused(site, "not a debug enclave");
  return {};
}

// as_added is a word of code with the ENCLU instructions that we shortened as they were.
std::uint64_t as_added(const State& state, std::uint64_t address, std::uint64_t word) {
  std::uint8_t bytes[sizeof word];
  std::memcpy(bytes, &word, sizeof word);
  for (std::size_t i = 0; i < sizeof bytes; ++i)
    if (state.enclu_sites.contains(address + i)) bytes[i] = sgx::kEncluBytes[0];
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace

Result<std::uint64_t> Enclave::debug_read(std::uint64_t offset) {
  State& state = *state_;
  TRY(check_range(state, offset & ~(kPageSize - 1), kPageSize, "softsgx.edbgrd.range"));
  const Page page(state, offset / kPageSize);
  TRY(debuggable(state, page, offset));
  std::uint64_t word = 0;
  if (!read_memory(state.base() + offset, &word, sizeof word))
    return Error{ErrorCode::kInternal, "softsgx.edbgrd.read"};
  if (page.entry.type() != PageType::kTcs) return as_added(state, state.base() + offset, word);
  // "RCX points to a location inside a TCS that is beyond the architectural size": #GP(0).
  const std::uint64_t at = offset % kPageSize;
  if (at >= offsetof(sgx::Tcs, ocetssa)) return refused("softsgx.edbgrd.tcs", "beyond the TCS");
  const TcsState* tcs = state.tcs_table.find(offset / kPageSize);
  if (tcs == nullptr) return refused("softsgx.edbgrd.tcs", "no thread");
  if (at == offsetof(sgx::Tcs, state)) return tcs->busy ? 1 : 0;
  if (at == offsetof(sgx::Tcs, flags)) return tcs->flags;
  if (at == offsetof(sgx::Tcs, cssa)) return std::uint64_t{tcs->nssa} << 32 | tcs->cssa;
  return word;
}

Status Enclave::debug_write(std::uint64_t offset, std::uint64_t word) {
  State& state = *state_;
  TRY(check_range(state, offset & ~(kPageSize - 1), kPageSize, "softsgx.edbgwr.range"));
  const Page page(state, offset / kPageSize);
  TRY(debuggable(state, page, offset));
  if (page.entry.type() == PageType::kTcs) {
    // "RCX points to a location inside a TCS that is not the FLAGS word": #GP(0).
    if (offset % kPageSize != offsetof(sgx::Tcs, flags)) return refused("softsgx.edbgwr.tcs", "not FLAGS");
    TcsState* tcs = state.tcs_table.find(offset / kPageSize);
    if (tcs == nullptr) return refused("softsgx.edbgwr.tcs", "no thread");
    tcs->flags = word & sgx::kTcsDebugOptIn;
    return {};
  }
  std::uint8_t bytes[sizeof word];
  std::memcpy(bytes, &word, sizeof word);
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    const std::uint64_t address = state.base() + offset + i;
    const bool shortened = state.enclu_sites.contains(address) && bytes[i] == sgx::kEncluBytes[0];
    if (!shortened && !write_executable(address, bytes[i]))
      return Error{ErrorCode::kInternal, "softsgx.edbgwr.write"};
  }
  return {};
}

}  // namespace clemmys::softsgx
