// encls.cc: the leaf functions that a kernel runs: building an enclave and changing its pages.
#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "sgx/sigstruct.h"
#include "softsgx/paging.h"
#include "softsgx/registry.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

using sgx::kPageSize;
using sgx::PageType;

Error refused(std::string_view site, std::string detail) {
  return {ErrorCode::kInvalid, site, std::move(detail)};
}

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

// check_secs is ECREATE's check. XFRM: x87, SSE and AVX are what an emulated frame keeps.
Status check_secs(const sgx::Secs& secs) {
  constexpr std::string_view site = "softsgx.ecreate.secs";
  constexpr std::uint64_t kFlags =
      sgx::kAttributeDebug | sgx::kAttributeMode64 | sgx::kAttributeProvisionKey | sgx::kAttributeKss;
  const std::uint64_t frame_min =
      (secs.attributes.xfrm & sgx::kXfrmAvx ? 832 : 576) + sizeof(sgx::ExInfo) + sizeof(sgx::GprSgx);
  if (!std::has_single_bit(secs.size) || secs.size < 2 * kPageSize || secs.size > kAreaEnd - kAreaStart)
    return refused(site, "size is not a power of two in range");
  if ((secs.attributes.flags & ~kFlags) || !(secs.attributes.flags & sgx::kAttributeMode64))
    return refused(site, "attribute flags");
  if ((secs.attributes.xfrm & sgx::kXfrmLegacy) != sgx::kXfrmLegacy ||
      (secs.attributes.xfrm & ~(sgx::kXfrmLegacy | sgx::kXfrmAvx)))
    return refused(site, "xfrm");
  if (secs.miscselect & ~sgx::kMiscExinfo) return refused(site, "miscselect");
  if (secs.ssaframesize == 0 || secs.ssaframesize > secs.size / kPageSize ||
      secs.ssaframesize * kPageSize < frame_min)
    return refused(site, "ssaframesize");
  const bool kss_used = !all_zero(secs.configid) || secs.configsvn != 0;
  if (kss_used && !(secs.attributes.flags & sgx::kAttributeKss)) return refused(site, "configid without KSS");
  if (!all_zero(secs.reserved1) || !all_zero(secs.reserved2) || !all_zero(secs.reserved3) ||
      !all_zero(secs.reserved4))
    return refused(site, "reserved bytes");
  return {};
}

// check_range wants whole pages inside the enclave.
Status check_range(const State& state, std::uint64_t offset, std::uint64_t size, std::string_view site) {
  if (size == 0 || offset % kPageSize || size % kPageSize || offset >= state.range.size() ||
      size > state.range.size() - offset)
    return refused(site, "range");
  return {};
}

Status check_add_flags(sgx::SecinfoFlags flags) {
  constexpr std::string_view site = "softsgx.eadd.secinfo";
  if (flags.bits & ~(sgx::kSecinfoPermissions | 0xff00)) return refused(site, "flags");
  if (flags.type() == PageType::kTcs && (flags.bits & sgx::kSecinfoPermissions) != 0)
    return refused(site, "a TCS has no permissions");
  if (flags.type() != PageType::kTcs && flags.type() != PageType::kRegular) return refused(site, "type");
  if ((flags.bits & sgx::kSecinfoWrite) && !(flags.bits & sgx::kSecinfoRead))
    return refused(site, "writable but not readable");
  return {};
}

Status add_tcs(State& state, std::uint64_t page, const std::uint8_t* content) {
  sgx::Tcs tcs;
  std::memcpy(&tcs, content, sizeof tcs);
  if (!valid_tcs(tcs, state.secs())) return refused("softsgx.eadd.tcs", "a field of the TCS");
  if (state.tcs_table.insert(page, tcs) == nullptr)
    return Error{ErrorCode::kExhausted, "softsgx.eadd.tcs_table"};
  return {};
}

}  // namespace

Enclave::Enclave(std::unique_ptr<State> state) : state_(std::move(state)) {}
Enclave::~Enclave() {
  CHECK(!state_->tcs_table.any_busy() && unregister_enclave(*state_));
  const PagingGuard guard;
  epc_remove(*state_);
}
State& Enclave::internal_state() const { return *state_; }
std::uint64_t Enclave::base() const { return state_->range.base(); }
std::uint64_t Enclave::size() const { return state_->range.size(); }

Result<std::unique_ptr<Enclave>> Enclave::create(std::shared_ptr<const Machine> machine,
                                                 const sgx::Secs& secs) {
  TRY(check_secs(secs));
  TRY(install_signal_handlers());
  Range range = TRY(Range::reserve(secs.size, secs.baseaddr));
  auto state = std::make_unique<State>(std::move(machine), secs, std::move(range));
  const PagingGuard guard;
  if (!epc_add(*state)) return Error{ErrorCode::kExhausted, "softsgx.ecreate.epc"};
  register_enclave(*state);
  return std::unique_ptr<Enclave>(new Enclave(std::move(state)));
}

Status Enclave::add_pages(std::uint64_t offset, ByteView content, sgx::SecinfoFlags flags, bool measure) {
  if (epc_limited() && content.size() > kPageSize) {  // room is made page by page
    for (; !content.empty(); offset += kPageSize) {
      const ByteView page = content.first(std::min<std::size_t>(content.size(), kPageSize));
      TRY(add_pages(offset, page, flags, measure));
      content = content.subspan(page.size());
    }
    return {};
  }
  const std::scoped_lock lock(state_->lock);
  const PagingGuard guard;
  State& state = *state_;
  if (state.initialized) return Error{ErrorCode::kConflict, "softsgx.eadd.initialized"};
  TRY(check_range(state, offset, content.size(), "softsgx.eadd.range"));
  TRY(check_add_flags(flags));
  const std::uint64_t first = offset / kPageSize, count = content.size() / kPageSize;
  for (std::uint64_t page = first; page < first + count; ++page)
    if (state.epcm.load(page).valid()) return Error{ErrorCode::kExists, "softsgx.eadd.page"};
  if (!epc_take(state)) return Error{ErrorCode::kExhausted, "softsgx.eadd.epc"};
  const bool zero = !measure && all_zero(content);
  if (!(zero ? state.range.populate_zero(offset, content.size())
             : state.range.populate_copy(offset, content.data(), content.size())))
    return Error{ErrorCode::kInternal, "softsgx.eadd.populate"};
  const auto permissions = static_cast<std::uint16_t>(flags.bits & sgx::kSecinfoPermissions);
  const bool plain = permissions == (sgx::kSecinfoRead | sgx::kSecinfoWrite);
  if (!plain && !state.apply_permissions(first, count, permissions))
    return Error{ErrorCode::kExhausted, "softsgx.eadd.protect"};
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t* page_content = content.data() + i * kPageSize;
    if (flags.type() == PageType::kTcs) TRY(add_tcs(state, first + i, page_content));
    const EpcmEntry entry = EpcmEntry::of(flags);
    state.epcm.store(first + i, plain ? entry : entry.with(EpcmEntry::kProtected));
    state.log->add(offset + i * kPageSize, flags);
    for (std::uint64_t at = 0; measure && at < kPageSize; at += sgx::kExtendChunkSize)
      state.log->extend(offset + i * kPageSize + at, std::span<const std::uint8_t, sgx::kExtendChunkSize>(
                                                         page_content + at, sgx::kExtendChunkSize));
  }
  state.count(Event::kEadd, count);
  if (measure) state.count(Event::kEextend, count * (kPageSize / sgx::kExtendChunkSize));
  return {};
}

Status Enclave::initialize(const sgx::Sigstruct& sigstruct) {
  const std::scoped_lock lock(state_->lock);
  State& state = *state_;
  if (state.initialized) return Error{ErrorCode::kConflict, "softsgx.einit.initialized"};
  TRY(sgx::check_sigstruct(sigstruct));
  constexpr std::string_view site = "softsgx.einit.sigstruct";
  sgx::Secs& secs = state.identity.secs;
  const Measurement measurement = state.log->finish();
  const auto masked_differs = [](std::uint64_t a, std::uint64_t b, std::uint64_t mask) {
    return ((a ^ b) & mask) != 0;
  };
  if (!std::ranges::equal(measurement.bytes, sigstruct.enclavehash))
    return refused(site, "measurement is " + to_hex(measurement));
  // EINIT compares with INIT set: SIGSTRUCT may ask for it or leave it out of its mask.
  if (masked_differs(secs.attributes.flags, sigstruct.attributes.flags,
                     sigstruct.attributemask.flags & ~sgx::kAttributeInit) ||
      masked_differs(secs.attributes.xfrm, sigstruct.attributes.xfrm, sigstruct.attributemask.xfrm))
    return refused(site, "attributes");
  if (masked_differs(secs.miscselect, sigstruct.miscselect, sigstruct.miscmask))
    return refused(site, "miscselect");
  const SignerId signer = sgx::signer_of(sigstruct);
  std::ranges::copy(measurement.bytes, secs.mrenclave);
  std::ranges::copy(signer.bytes, secs.mrsigner);
  secs.isvprodid = sigstruct.isvprodid;
  secs.isvsvn = sigstruct.isvsvn;
  secs.attributes.flags |= sgx::kAttributeInit;
  if (secs.attributes.flags & sgx::kAttributeKss) {
    std::ranges::copy(sigstruct.isvfamilyid, state.identity.family_id.begin());
    std::ranges::copy(sigstruct.isvextprodid, state.identity.extended_product_id.begin());
  }
  state.initialized = true;
  return {};
}

Status Enclave::augment(std::uint64_t offset, std::uint64_t size) {
  State& state = *state_;
  if (!state.initialized) return Error{ErrorCode::kConflict, "softsgx.eaug.uninitialized"};
  TRY(check_range(state, offset, size, "softsgx.eaug.range"));
  // As touching the pages on Linux does: pages that are there stay as they are.
  for (std::uint64_t page = offset / kPageSize; page < (offset + size) / kPageSize; ++page)
    if (state.augment_page(page)) state.count(Event::kPageFault);
  return {};
}

Status Enclave::restrict_permissions(std::uint64_t offset, std::uint64_t size, sgx::SecinfoFlags flags) {
  const std::scoped_lock lock(state_->lock);
  State& state = *state_;
  if (!state.initialized) return Error{ErrorCode::kConflict, "softsgx.emodpr.uninitialized"};
  TRY(check_range(state, offset, size, "softsgx.emodpr.range"));
  const auto keep = static_cast<std::uint16_t>(flags.bits & sgx::kSecinfoPermissions);
  if (flags.bits & ~(sgx::kSecinfoPermissions | 0xff00)) return refused("softsgx.emodpr.flags", "flags");
  if ((keep & sgx::kSecinfoWrite) && !(keep & sgx::kSecinfoRead))
    return refused("softsgx.emodpr.flags", "writable but not readable");
  for (std::uint64_t page = offset / kPageSize; page < (offset + size) / kPageSize; ++page) {
    const PagingGuard guard;
    (void)epc_load(state, page);
    const EpcmEntry entry = state.epcm.load(page);
    if (!entry.valid() || entry.any(EpcmEntry::kEvicted) || entry.type() != PageType::kRegular ||
        entry.any(EpcmEntry::kPending | EpcmEntry::kModified))
      return refused(kNotModifiable, "not an accepted regular page");
    const EpcmEntry wanted = entry.without(static_cast<std::uint16_t>(EpcmEntry::kPermissions & ~keep))
                                 .with(EpcmEntry::kRestricted | EpcmEntry::kProtected);
    if (!state.epcm.replace(page, entry, wanted))
      return Error{ErrorCode::kConflict, "softsgx.emodpr.changed"};
    if (!state.apply_permissions(page, 1, wanted.bits & EpcmEntry::kPermissions))
      return Error{ErrorCode::kExhausted, "softsgx.emodpr.protect"};
    state.count(Event::kEmodpr);
  }
  return {};
}

Status Enclave::modify_type(std::uint64_t offset, std::uint64_t size, PageType type) {
  const std::scoped_lock lock(state_->lock);
  State& state = *state_;
  if (!state.initialized) return Error{ErrorCode::kConflict, "softsgx.emodt.uninitialized"};
  TRY(check_range(state, offset, size, "softsgx.emodt.range"));
  if (type != PageType::kTrim && type != PageType::kTcs) return refused("softsgx.emodt.type", "type");
  for (std::uint64_t page = offset / kPageSize; page < (offset + size) / kPageSize; ++page) {
    const PagingGuard guard;
    (void)epc_load(state, page);
    const EpcmEntry entry = state.epcm.load(page);
    const bool from_tcs = type == PageType::kTrim && entry.type() == PageType::kTcs;
    if (!entry.valid() || entry.any(EpcmEntry::kPending | EpcmEntry::kModified | EpcmEntry::kEvicted) ||
        (entry.type() != PageType::kRegular && !from_tcs))
      return refused(kNotModifiable, "not an accepted page");
    EpcmEntry wanted = entry.without(EpcmEntry::kPermissions | EpcmEntry::kRestricted)
                           .with(EpcmEntry::kModified)
                           .with_type(type);
    if (type == PageType::kTcs) wanted = wanted.with(EpcmEntry::kProtected);
    if (!state.epcm.replace(page, entry, wanted)) return Error{ErrorCode::kConflict, "softsgx.emodt.changed"};
    if (type == PageType::kTcs && !state.apply_permissions(page, 1, 0))
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
  for (std::uint64_t page = offset / kPageSize; page < (offset + size) / kPageSize; ++page) {
    const EpcmEntry entry = state.epcm.load(page);
    // The Linux driver's rule: of a running enclave only trimmed and accepted pages go.
    if (!entry.valid() || entry.type() != PageType::kTrim || entry.any(EpcmEntry::kModified))
      return refused("softsgx.eremove.page", "not trimmed and accepted");
    state.epcm.store(page, EpcmEntry{}.with(entry.bits & EpcmEntry::kProtected));
    const PagingGuard guard;
    epc_give_back(state);
    state.count(Event::kEremove);
  }
  return {};
}

sgx::Events Enclave::events() const {
  const auto of = [this](Event event) {
    return state_->counters[static_cast<std::size_t>(event)].load(std::memory_order_relaxed);
  };
  return {.eadd = of(Event::kEadd),
          .eextend = of(Event::kEextend),
          .eaug = of(Event::kEaug),
          .eremove = of(Event::kEremove),
          .emodt = of(Event::kEmodt),
          .emodpr = of(Event::kEmodpr),
          .eenter = of(Event::kEenter),
          .eresume = of(Event::kEresume),
          .eexit = of(Event::kEexit),
          .aex = of(Event::kAex),
          .eaccept = of(Event::kEaccept),
          .eacceptcopy = of(Event::kEacceptcopy),
          .emodpe = of(Event::kEmodpe),
          .ereport = of(Event::kEreport),
          .egetkey = of(Event::kEgetkey),
          .page_faults = of(Event::kPageFault),
          .eblock = of(Event::kEblock),
          .etrack = of(Event::kEtrack),
          .ewb = of(Event::kEwb),
          .eldu = of(Event::kEldu),
          .epa = of(Event::kEpa)};
}

}  // namespace clemmys::softsgx
