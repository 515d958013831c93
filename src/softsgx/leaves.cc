#include "softsgx/leaves.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

using sgx::kPageSize;
using sgx::PageType;
using sgx::SgxError;

constexpr std::uint64_t kArithmeticFlags = 0x8d5, kZeroFlag = 0x40;  // CF PF AF ZF SF OF
constexpr Fault kGeneralProtection{13, 0, 0};
alignas(4096) constexpr std::uint8_t kZeroPage[kPageSize] = {};

Fault page_fault(std::uint64_t address, bool write) {
  return {
      14,
      static_cast<std::uint16_t>(sgx::kPfPresent | sgx::kPfUser | sgx::kPfSgx | (write ? sgx::kPfWrite : 0)),
      address};
}

// Call is one leaf function at work: the enclave, and its registers.
struct Call {
  State& state;
  ucontext_t& context;

  std::uint64_t reg(int index) const { return static_cast<std::uint64_t>(context.uc_mcontext.gregs[index]); }
  std::uint64_t rbx() const { return reg(REG_RBX); }
  std::uint64_t rcx() const { return reg(REG_RCX); }
  std::uint64_t rdx() const { return reg(REG_RDX); }

  // finish sets RAX and ZF as leaf functions with a result do.
  std::nullopt_t finish(SgxError error) const {
    auto* registers = context.uc_mcontext.gregs;
    registers[REG_RAX] = static_cast<long long>(error);
    registers[REG_EFL] &= ~static_cast<long long>(kArithmeticFlags);
    if (error != SgxError::kSuccess) registers[REG_EFL] |= kZeroFlag;
    return std::nullopt;
  }
  // operand checks an operand in enclave memory: alignment, place, and that the enclave itself may access it
  // so.
  std::optional<Fault> operand(std::uint64_t address, std::uint64_t size, std::uint64_t alignment,
                               bool write) const {
    if (address % alignment != 0 || !state.contains(address) ||
        size > state.base() + state.range.size() - address)
      return kGeneralProtection;
    for (std::uint64_t page = state.page_of(address); page <= state.page_of(address + size - 1); ++page)
      if (const auto fault = mapped(page * kPageSize, write))
        return fault;
      else if (!epc_load(state, page) ||
               !state.epcm.load(page).usable(write ? sgx::kSecinfoRead | sgx::kSecinfoWrite
                                                   : sgx::kSecinfoRead))
        return page_fault(address, write);
    return std::nullopt;
  }
  // mapped: the host's mapping lets the page be accessed so.
  std::optional<Fault> mapped(std::uint64_t offset, bool write) const {
    const Mappings::Run run = state.mappings.run(offset);
    if (run.protection & (write ? PROT_WRITE : PROT_READ)) return std::nullopt;
    const bool present = run.mapped && state.epcm.load(offset / kPageSize).valid();
    return Fault{14,
                 static_cast<std::uint16_t>((present ? sgx::kPfPresent : 0) | sgx::kPfUser |
                                            (write ? sgx::kPfWrite : 0)),
                 state.base() + offset};
  }
  template <typename T>
  T copy_in(std::uint64_t address) const {
    T value;
    std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
    return value;
  }
};

#define TRY_OPERAND(expression) \
  if (const auto fault = (expression)) return fault

// ereport. SDM "EREPORT": #GP for an operand outside or not aligned (TARGETINFO 512, REPORTDATA 128,
// OUTPUTDATA 512), #PF for one that may not be accessed so, #GP for reserved fields of TARGETINFO.
std::optional<Fault> ereport(const Call& call) {
  TRY_OPERAND(call.operand(call.rbx(), sizeof(sgx::TargetInfo), sgx::kTargetInfoAlignment, false));
  TRY_OPERAND(call.operand(call.rcx(), 64, sgx::kReportDataAlignment, false));
  TRY_OPERAND(call.operand(call.rdx(), sizeof(sgx::Report), sgx::kReportAlignment, true));
  const auto target = call.copy_in<sgx::TargetInfo>(call.rbx());
  const auto zero = [](std::uint8_t b) { return b == 0; };
  if (!std::ranges::all_of(target.reserved2, zero) || !std::ranges::all_of(target.reserved3, zero) ||
      target.reserved1 != 0)
    return kGeneralProtection;
  sgx::Report report{};
  std::memcpy(report.body.reportdata, reinterpret_cast<const void*>(call.rcx()),
              sizeof report.body.reportdata);
  call.state.machine->report(call.state.identity, target, report);
  std::memcpy(reinterpret_cast<void*>(call.rdx()), &report, sizeof report);
  call.state.count(Event::kEreport);
  return std::nullopt;
}

// egetkey. SDM "EGETKEY": operands as above (KEYREQUEST 512, OUTPUTDATA 16); #GP for reserved fields, unknown
// policies and, without KSS, those of KSS; then the error codes, in machine.cc.
std::optional<Fault> egetkey(const Call& call) {
  TRY_OPERAND(call.operand(call.rbx(), sizeof(sgx::KeyRequest), sgx::kKeyRequestAlignment, false));
  TRY_OPERAND(call.operand(call.rcx(), EnclaveKey::kSize, 16, true));
  const GetKeyResult result =
      call.state.machine->get_key(call.state.identity, call.copy_in<sgx::KeyRequest>(call.rbx()));
  if (result.general_protection) return kGeneralProtection;
  if (result.error == SgxError::kSuccess)
    std::memcpy(reinterpret_cast<void*>(call.rcx()), result.key.view().data(), EnclaveKey::kSize);
  call.state.count(Event::kEgetkey);
  return call.finish(result.error);
}

// secinfo_operand copies and checks the SECINFO at RBX (64-byte aligned, inside, readable; reserved bits
// zero: #GP); the page at RCX must be aligned and inside (#GP) and there (#PF). SDM "EACCEPT", "EACCEPTCOPY",
// "EMODPE".
std::optional<Fault> secinfo_operand(const Call& call, sgx::Secinfo& secinfo) {
  TRY_OPERAND(call.operand(call.rbx(), sizeof(sgx::Secinfo), 64, false));
  secinfo = call.copy_in<sgx::Secinfo>(call.rbx());
  constexpr std::uint64_t kKnown = 0xff3f;
  if ((secinfo.flags.bits & ~kKnown) ||
      !std::ranges::all_of(secinfo.reserved, [](std::uint8_t b) { return b == 0; }))
    return kGeneralProtection;
  if (call.rcx() % kPageSize != 0 || !call.state.contains(call.rcx())) return kGeneralProtection;
  if (const auto fault = call.mapped(call.rcx() - call.state.base(), false)) return fault;
  if (!epc_load(call.state, call.state.page_of(call.rcx()))) return page_fault(call.rcx(), false);
  return std::nullopt;
}

// accept_tcs is EACCEPT's part for PT_TCS: "RESERVED ≠ 0"; DBGOPTIN, AEP, STATE are 0 and CSSA < NSSA; limits
// of a 32-bit enclave: else #GP(0).
bool accept_tcs(State& state, std::uint64_t page) {
  // The page is out of reach of the enclave since EMODT: open it for one copy.
  sgx::Tcs tcs;
  if (!state.range.protect(page * kPageSize, kPageSize, PROT_READ)) return false;
  std::memcpy(&tcs, state.range.at(page * kPageSize), sizeof tcs);
  if (!state.apply_permissions(page, 1, 0)) return false;
  const bool fresh =
      !(tcs.flags & sgx::kTcsDebugOptIn) && tcs.cssa < tcs.nssa && tcs.aep == 0 && tcs.state == 0;
  return tcs_reserved_clear(tcs) && fresh && tcs_limits_fit(tcs, state.secs()) &&
         state.tcs_table.insert(page, tcs) != nullptr;
}

// fill gives an accepted page its first contents. It may be there already for a moment, as the abort page
// that a host thread reads (host_access.h).
bool fill(const State& state, std::uint64_t page, const void* content) {
  const std::uint64_t offset = page * kPageSize;
  return state.range.populate_copy(offset, content, kPageSize) ||
         (state.range.discard(offset, kPageSize) && state.range.populate_copy(offset, content, kPageSize));
}

// acceptable: what EACCEPT may be asked for at all: a new or restricted regular page (PENDING or PR, not
// MODIFIED), or a page of changed type (MODIFIED alone).
bool acceptable(sgx::SecinfoFlags flags) {
  constexpr std::uint64_t kStates = sgx::kSecinfoPending | sgx::kSecinfoModified | sgx::kSecinfoRestricted;
  const std::uint64_t states = flags.bits & kStates;
  if (flags.type() == PageType::kRegular) return states != 0 && !(states & sgx::kSecinfoModified);
  return (flags.type() == PageType::kTcs || flags.type() == PageType::kTrim) &&
         states == sgx::kSecinfoModified;
}

// eaccept. SDM "EACCEPT": "combination of requested PT, PENDING and MODIFIED is legal", else #GP(0);
// "security attributes of the destination EPC page" (VALID, BLOCKED): #PF; "accept request matches current
// EPC page settings" (PENDING, MODIFIED, R, W, X, PT; not PR): SGX_PAGE_ATTRIBUTES_MISMATCH; accept_tcs.
std::optional<Fault> eaccept(const Call& call) {
  sgx::Secinfo secinfo;
  TRY_OPERAND(secinfo_operand(call, secinfo));
  if (!acceptable(secinfo.flags)) return kGeneralProtection;
  State& state = call.state;
  const std::uint64_t page = state.page_of(call.rcx());
  if (!state.epcm.load(page).valid()) state.serve_fault(page);
  const EpcmEntry entry = state.epcm.load(page);
  if (!entry.valid() || entry.any(EpcmEntry::kBlocked)) return page_fault(call.rcx(), true);
  state.count(Event::kEaccept);
  if ((secinfo.flags.bits ^ entry.secinfo().bits) & ~sgx::kSecinfoRestricted)
    return call.finish(SgxError::kPageAttributesMismatch);
  const EpcmEntry accepted =
      entry.without(EpcmEntry::kPending | EpcmEntry::kModified | EpcmEntry::kRestricted);
  const bool becomes_tcs = entry.any(EpcmEntry::kModified) && entry.type() == PageType::kTcs;
  if (becomes_tcs && !accept_tcs(state, page)) return kGeneralProtection;
  if (!state.epcm.replace(page, entry, accepted)) return kGeneralProtection;  // two threads accept one page
  if (entry.any(EpcmEntry::kPending) && !fill(state, page, kZeroPage)) return page_fault(call.rcx(), true);
  return call.finish(SgxError::kSuccess);
}

// eacceptcopy. SDM "EACCEPTCOPY": #GP unless SECINFO names a regular page in no state between, writable only
// when readable; #PF for a source that cannot be read and a target that is absent or blocked;
// SGX_PAGE_ATTRIBUTES_MISMATCH for a target that is not a new page (PENDING, regular).
std::optional<Fault> eacceptcopy(const Call& call) {
  sgx::Secinfo secinfo;
  TRY_OPERAND(secinfo_operand(call, secinfo));
  TRY_OPERAND(call.operand(call.rdx(), kPageSize, kPageSize, false));
  State& state = call.state;
  const std::uint64_t page = state.page_of(call.rcx());
  const auto permissions = static_cast<std::uint16_t>(secinfo.flags.bits & sgx::kSecinfoPermissions);
  const bool write_only = (permissions & sgx::kSecinfoWrite) && !(permissions & sgx::kSecinfoRead);
  if (secinfo.flags.bits != sgx::secinfo_regular(permissions).bits || write_only) return kGeneralProtection;
  if (!state.epcm.load(page).valid()) state.serve_fault(page);
  const EpcmEntry entry = state.epcm.load(page);
  state.count(Event::kEacceptcopy);
  if (!entry.valid()) return page_fault(call.rcx(), true);
  if (entry.type() != PageType::kRegular || !entry.any(EpcmEntry::kPending) ||
      entry.any(EpcmEntry::kModified))
    return call.finish(SgxError::kPageAttributesMismatch);
  if (!fill(state, page, reinterpret_cast<const void*>(call.rdx()))) return page_fault(call.rcx(), true);
  const bool plain = permissions == (sgx::kSecinfoRead | sgx::kSecinfoWrite);
  if (!plain && !state.apply_permissions(page, 1, permissions)) return page_fault(call.rcx(), true);
  const EpcmEntry accepted = EpcmEntry::of(secinfo.flags);
  if (!state.epcm.replace(page, entry, plain ? accepted : accepted.with(EpcmEntry::kProtected)))
    return kGeneralProtection;
  return call.finish(SgxError::kSuccess);
}

// emodpe. SDM "EMODPE": #PF for a page that is absent, blocked, PENDING, MODIFIED or not regular; #GP when it
// would become writable but not readable. Permissions only grow.
std::optional<Fault> emodpe(const Call& call) {
  sgx::Secinfo secinfo;
  TRY_OPERAND(secinfo_operand(call, secinfo));
  State& state = call.state;
  const std::uint64_t page = state.page_of(call.rcx());
  const EpcmEntry entry = state.epcm.load(page);
  const auto wanted = static_cast<std::uint16_t>(secinfo.flags.bits & sgx::kSecinfoPermissions);
  const EpcmEntry extended = entry.with(wanted).with(EpcmEntry::kProtected);
  if (!entry.valid() || entry.type() != PageType::kRegular ||
      entry.any(EpcmEntry::kPending | EpcmEntry::kModified))
    return page_fault(call.rcx(), true);
  if (extended.any(sgx::kSecinfoWrite) && !extended.any(sgx::kSecinfoRead)) return kGeneralProtection;
  if (!state.apply_permissions(page, 1, extended.bits & EpcmEntry::kPermissions))
    return page_fault(call.rcx(), true);
  if (!state.epcm.replace(page, entry, extended)) return kGeneralProtection;
  state.count(Event::kEmodpe);
  return std::nullopt;
}

// eexit. SDM "EEXIT": #GP for a target that is not canonical; RCX becomes the AEP; CSSA stays.
std::optional<Fault> eexit(Control& control, const Call& call) {
  if (call.rbx() >= 0x800000000000) return kGeneralProtection;
  call.state.count(Event::kEexit);
  auto* registers = call.context.uc_mcontext.gregs;
  registers[REG_RIP] = static_cast<long long>(call.rbx());
  registers[REG_RCX] =  // the AEP of this entry
      control.aep != 0 ? static_cast<long long>(control.aep) : static_cast<long long>(control.exit_address);
  leave(control);
  return std::nullopt;
}

std::optional<Fault> run(Control& control, const Call& call, std::uint32_t leaf) {
  switch (static_cast<sgx::UserLeaf>(leaf)) {
    case sgx::UserLeaf::kEreport:
      return ereport(call);
    case sgx::UserLeaf::kEgetkey:
      return egetkey(call);
    case sgx::UserLeaf::kEexit:
      return eexit(control, call);
    case sgx::UserLeaf::kEaccept:
      return eaccept(call);
    case sgx::UserLeaf::kEmodpe:
      return emodpe(call);
    case sgx::UserLeaf::kEacceptcopy:
      return eacceptcopy(call);
    case sgx::UserLeaf::kEenter:
    case sgx::UserLeaf::kEresume:
      return kGeneralProtection;  // not from inside
  }
  return kGeneralProtection;
}

}  // namespace

std::optional<Fault> run_leaf(Control& control, ucontext_t& context) {
  const Call call{*control.inside, context};
  const auto fault = run(control, call, static_cast<std::uint32_t>(call.reg(REG_RAX)));
  if (!fault && control.inside != nullptr) context.uc_mcontext.gregs[REG_RIP] += sizeof sgx::kEncluBytes;
  return fault;
}

}  // namespace clemmys::softsgx
