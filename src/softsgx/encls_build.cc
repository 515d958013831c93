// encls_build.cc: the ENCLS leaf functions that build an enclave: ECREATE, EADD, EEXTEND, EINIT. Each check
// names the line of the leaf's "Operation" section in the Intel SDM, volume 3D, chapter "SGX Instruction
// References", that it stands for. Operands here are C++ values: checks on alignment, on addresses in the EPC
// and on concurrent use have nothing to look at; a lock serves for the last.
#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "sgx/sigstruct.h"
#include "softsgx/direct_exit.h"
#include "softsgx/encls.h"
#include "softsgx/paging.h"
#include "softsgx/registry.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

using sgx::kPageSize;
using sgx::PageType;

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

// check_secs is ECREATE's. #GP(0) each.
Status check_secs(const sgx::Secs& secs) {
  constexpr std::string_view site = "softsgx.ecreate.secs";
  constexpr std::uint64_t kFlags = sgx::kAttributeDebug | sgx::kAttributeMode64 |
                                   sgx::kAttributeProvisionKey | sgx::kAttributeEinitTokenKey |
                                   sgx::kAttributeKss;
  constexpr std::uint64_t kSizeEnd32 = std::uint64_t{1} << 31, kBaseEnd32 = std::uint64_t{1} << 32;
  const auto [flags, xfrm] = secs.attributes;
  const bool mode64 = flags & sgx::kAttributeMode64;
  // "Check lower 2 bits of XFRM are set"; "XFRM is illegal": what an emulated frame keeps is x87, SSE, AVX.
  if ((xfrm & sgx::kXfrmLegacy) != sgx::kXfrmLegacy || (xfrm & ~(sgx::kXfrmLegacy | sgx::kXfrmAvx)))
    return refused(site, "xfrm");
  // "SECS does not have any unsupported MISCSELECT options": those of CPUID.12H.0:EBX.
  if (secs.miscselect & ~sgx::kMiscExinfo) return refused(site, "miscselect");
  // "declared area is large enough to hold XSAVE and GPR state": compute_xsave_size + MISC + GPR.
  const std::uint64_t frame_min =
      xsave_size(xfrm) + sizeof(sgx::GprSgx) + (secs.miscselect & sgx::kMiscExinfo ? sizeof(sgx::ExInfo) : 0);
  if (secs.ssaframesize * kPageSize < frame_min) return refused(site, "ssaframesize");
  // "MODE64BIT = 0 and BASEADDR and 0FFFFFFFF00000000H"; "SIZE ≥ 2 ^ CPUID.12H.0:EDX[7:0]" and "EDX[15:8]".
  // Base 0 asks for a place of ours, above.
  if (!mode64 && (secs.baseaddr == 0 || secs.baseaddr >= kBaseEnd32))
    return refused(site, "base of a 32-bit enclave");
  if (secs.size >= (mode64 ? kAreaEnd - kAreaStart : kSizeEnd32)) return refused(site, "size out of range");
  // "Enclave size must be at least 8192 bytes and must be power of 2".
  if (secs.size < 2 * kPageSize || !std::has_single_bit(secs.size)) return refused(site, "size");
  // "Ensure base address of an enclave is aligned on size".
  if (secs.baseaddr & (secs.size - 1)) return refused(site, "base");
  // "Ensure the SECS does not have any unsupported attributes": those of CPUID.12H.1; INIT is EINIT's.
  if (flags & ~kFlags) return refused(site, "attribute flags");
  // "CONFIGID or CONFIGSVN without KSS".
  const bool configured = !all_zero(secs.configid) || secs.configsvn != 0;
  if (configured && !(flags & sgx::kAttributeKss)) return refused(site, "configid without KSS");
  // "SECS reserved fields are not zero".
  if (!all_zero(secs.reserved1) || !all_zero(secs.reserved2) || !all_zero(secs.reserved3) ||
      !all_zero(secs.reserved4))
    return refused(site, "reserved bytes");
  return {};
}

// check_add_flags is EADD's of SECINFO. #GP(0) each. Unlike the processor, which clears them, we refuse
// permissions of a TCS, as the Linux driver does: they would be measured.
Status check_add_flags(sgx::SecinfoFlags flags) {
  constexpr std::string_view site = "softsgx.eadd.secinfo";
  // "SCRATCH_SECINFO reserved fields are not zero or PT is not PT_REG or PT_TCS".
  if (flags.bits & ~(sgx::kSecinfoPermissions | 0xff00)) return refused(site, "flags");
  if (flags.type() != PageType::kTcs && flags.type() != PageType::kRegular) return refused(site, "type");
  if (flags.type() == PageType::kTcs && (flags.bits & sgx::kSecinfoPermissions) != 0)
    return refused(site, "a TCS has no permissions");
  // PT_REG: "FLAGS.W = 1 and FLAGS.R = 0".
  if ((flags.bits & sgx::kSecinfoWrite) && !(flags.bits & sgx::kSecinfoRead))
    return refused(site, "writable but not readable");
  return {};
}

// add_tcs is EADD's part for PT_TCS; `content` becomes what the page holds.
Status add_tcs(State& state, std::uint64_t page, std::span<std::uint8_t, kPageSize> content) {
  sgx::Tcs tcs;
  std::memcpy(&tcs, content.data(), sizeof tcs);
  // "DS:RCX.RESERVED ≠ 0"; "MODE64BIT = 0 and FSLIMIT or GSLIMIT & 0FFFH ≠ 0FFFH": #GP(0). All else is
  // EENTER's to check.
  if (!tcs_reserved_clear(tcs) || !tcs_limits_fit(tcs, state.secs()))
    return refused("softsgx.eadd.tcs", "a field of the TCS");
  // "For TCS pages, force … no debug access": DBGOPTIN, CSSA, AEP and STATE become 0.
  tcs.flags &= ~sgx::kTcsDebugOptIn;
  tcs.cssa = 0;
  tcs.aep = 0;
  tcs.state = 0;
  std::memcpy(content.data(), &tcs, sizeof tcs);
  if (state.tcs_table.insert(page, tcs) == nullptr)
    return Error{ErrorCode::kExhausted, "softsgx.eadd.tcs_table"};
  return {};
}

// add_threads does EADD of TCS pages, one by one.
Status add_threads(State& state, std::uint64_t first, std::span<std::uint8_t> content) {
  for (std::size_t at = 0; at < content.size(); at += kPageSize)
    TRY(add_tcs(state, first + at / kPageSize,
                std::span<std::uint8_t, kPageSize>(content.subspan(at, kPageSize))));
  return {};
}

}  // namespace

Error refused(std::string_view site, std::string detail) {
  return {ErrorCode::kInvalid, site, std::move(detail)};
}

Status check_range(const State& state, std::uint64_t offset, std::uint64_t size, std::string_view site) {
  if (size == 0 || offset % kPageSize || size % kPageSize || offset >= state.range.size() ||
      size > state.range.size() - offset)
    return refused(site, "range");
  return {};
}

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
                                                 const sgx::Secs& secs, Exits exits) {
  TRY(check_secs(secs));
  TRY(install_signal_handlers());
  Range range = TRY(Range::reserve(secs.size, secs.baseaddr));
  auto state = std::make_unique<State>(std::move(machine), secs, std::move(range));
  state->direct_exits = exits == Exits::kDirect;
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
  TRY(check_add_flags(flags));
  // EADD: "enclave offset is within the enclave linear address space"; "already in Initialized state":
  // #GP(0).
  TRY(check_range(state, offset, content.size(), "softsgx.eadd.range"));
  if (state.initialized) return Error{ErrorCode::kConflict, "softsgx.eadd.initialized"};
  const std::uint64_t first = offset / kPageSize, count = content.size() / kPageSize;
  // EADD: "EPCM(DS:RCX).VALID ≠ 0": #PF.
  for (std::uint64_t page = first; page < first + count; ++page)
    if (state.epcm.load(page).valid()) return Error{ErrorCode::kExists, "softsgx.eadd.page"};
  if (!epc_take(state)) return Error{ErrorCode::kExhausted, "softsgx.eadd.epc"};
  Bytes threads;
  if (flags.type() == PageType::kTcs) {
    threads = to_bytes(content);
    TRY(add_threads(state, first, threads));
    content = threads;
  }
  const bool zero = !measure && all_zero(content);
  const bool code = (flags.bits & sgx::kSecinfoExecute) && !(flags.bits & sgx::kSecinfoWrite);
  const Bytes changed = code && state.direct_exits ? with_direct_exits(content) : Bytes();
  const ByteView placed = changed.empty() ? content : ByteView(changed);
  if (!(zero ? state.range.populate_zero(offset, placed.size())
             : state.range.populate_copy(offset, placed.data(), placed.size())))
    return Error{ErrorCode::kInternal, "softsgx.eadd.populate"};
  const auto permissions = static_cast<std::uint16_t>(flags.bits & sgx::kSecinfoPermissions);
  const bool plain = permissions == (sgx::kSecinfoRead | sgx::kSecinfoWrite);
  if (!plain && !state.apply_permissions(first, count, permissions))
    return Error{ErrorCode::kExhausted, "softsgx.eadd.protect"};
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t* page_content = content.data() + i * kPageSize;
    const EpcmEntry entry = EpcmEntry::of(flags);
    state.epcm.store(first + i, plain ? entry : entry.with(EpcmEntry::kProtected));
    // EADD adds offset and SECINFO to MRENCLAVE, EEXTEND 256 bytes each time. EEXTEND's page is valid, REG or
    // TCS, and the enclave not initialized, because it follows here.
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
  constexpr std::string_view site = "softsgx.einit.sigstruct";
  // EINIT: "Verify SIGSTRUCT Header": HEADER, VENDOR, HEADER2, EXPONENT, reserved space:
  // SGX_INVALID_SIG_STRUCT. "signature failed to verify", with Q1 and Q2: SGX_INVALID_SIGNATURE.
  TRY(sgx::check_sigstruct(sigstruct));
  // "make sure no other instruction is … modifying the SECS's Initialized state"; twice is #GP(0).
  if (state.initialized) return Error{ErrorCode::kConflict, "softsgx.einit.initialized"};
  sgx::Secs& secs = state.identity.secs;
  const Measurement measurement = state.log->finish();
  const auto masked_differs = [](std::uint64_t a, std::uint64_t b, std::uint64_t mask) {
    return ((a ^ b) & mask) != 0;
  };
  // "Verify MRENCLAVE from SIGSTRUCT": SGX_INVALID_MEASUREMENT.
  if (!std::ranges::equal(measurement.bytes, sigstruct.enclavehash))
    return refused(site, "measurement is " + to_hex(measurement));
  // "if controlled ATTRIBUTES are set, SIGSTRUCT must be signed using an authorized key":
  // SGX_INVALID_ATTRIBUTE. The one such attribute is EINITTOKENKEY, and Linux gives it to nobody.
  if (secs.attributes.flags & sgx::kAttributeEinitTokenKey) return refused(site, "controlled attributes");
  // "Verify SIGSTRUCT.ATTRIBUTE requirements", under ATTRIBUTEMASK: SGX_INVALID_ATTRIBUTE. The comparison has
  // INIT set: SIGSTRUCT may ask for it or leave it out of its mask.
  if (masked_differs(secs.attributes.flags, sigstruct.attributes.flags,
                     sigstruct.attributemask.flags & ~sgx::kAttributeInit) ||
      masked_differs(secs.attributes.xfrm, sigstruct.attributes.xfrm, sigstruct.attributemask.xfrm))
    return refused(site, "attributes");
  // "Verify SIGSTRUCT.MISCSELECT requirements", under MISCMASK: SGX_INVALID_ATTRIBUTE.
  if (masked_differs(secs.miscselect, sigstruct.miscselect, sigstruct.miscmask))
    return refused(site, "miscselect");
  // EINITTOKEN.VALID is 0 and IA32_SGXLEPUBKEYHASH the signer's, as Linux sets it: any signer may launch.
  // "Commit changes to the SECS": MRENCLAVE, MRSIGNER, ISVPRODID, ISVSVN, with KSS also ISVFAMILYID and
  // ISVEXTPRODID, INIT.
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
