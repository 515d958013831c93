// run.cc: EENTER and ERESUME from the host's side: checks, then the jump.
#include <sys/mman.h>

#include <algorithm>

#include "softsgx/control.h"
#include "softsgx/host_entry.h"
#include "softsgx/registry.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

constexpr Fault kGeneralProtection{13, 0, 0};
constexpr std::uint64_t kAddressEnd = 0x800000000000;
VdsoEntry vdso;

Refusal refused(std::string_view site, std::string_view detail) {
  return {kGeneralProtection, ErrorCode::kInvalid, site, detail};
}
// page_refused: the processor finds the page in the EPC, and its EPCM entry does not permit the access.
Refusal page_refused(std::uint64_t address, std::string_view site, std::string_view detail) {
  return {{14, sgx::kPfPresent | sgx::kPfUser | sgx::kPfWrite | sgx::kPfSgx, address},
          ErrorCode::kInvalid,
          site,
          detail};
}

// check_tcs is what EENTER and ERESUME check of the fields of a TCS that EADD and EACCEPT let pass. #GP(0)
// each; the words are the manual's.
std::optional<Refusal> check_tcs(const State& state, const TcsState& tcs) {
  constexpr std::string_view site = "softsgx.eenter.tcs_fields";
  const auto aligned = [](std::uint64_t offset) { return offset % sgx::kPageSize == 0; };
  if (!aligned(tcs.ossa)) return refused(site, "OSSA is not 4KByte Aligned");
  if (!aligned(tcs.ofsbase) || !aligned(tcs.ogsbase))
    return refused(site, "OFSBASE or OGSBASE is not 4KByte Aligned");
  if (state.base() + tcs.ofsbase >= kAddressEnd || state.base() + tcs.ogsbase >= kAddressEnd)
    return refused(site, "FSBASE or GSBASE is not canonical");
  if (tcs.flags & ~sgx::kTcsDebugOptIn) return refused(site, "FLAGS has reserved bits set");
  if (!(state.secs().attributes.flags & sgx::kAttributeMode64))
    return refused(site, "the mode is not the enclave's");
  if (state.base() + tcs.oentry >= kAddressEnd) return refused(site, "OENTRY is not canonical");
  return {};
}

// take_frame checks that the pages of an SSA frame are valid, regular, settled, readable and writable, in the
// EPCM and in the page tables: #PF; and keeps them in the page cache: an AEX must find them.
std::optional<Refusal> take_frame(State& state, const TcsState& tcs, std::uint32_t index) {
  constexpr std::string_view site = "softsgx.eenter.ssa", detail = "an SSA page is not readable and writable";
  const auto pages = state.ssa_pages(tcs, index);
  if (!pages) return page_refused(state.base() + tcs.ossa, site, detail);
  for (const std::uint64_t page : *pages) {
    const std::uint64_t offset = page * sgx::kPageSize, address = state.base() + offset;
    const bool loaded = epc_load(state, page);
    const EpcmEntry entry = state.epcm.load(page);
    if (!state.mappings.allows(offset, PROT_READ | PROT_WRITE)) {
      const auto present = static_cast<std::uint16_t>(entry.valid() ? sgx::kPfPresent : 0);
      return Refusal{{14, static_cast<std::uint16_t>(present | sgx::kPfUser | sgx::kPfWrite), address},
                     ErrorCode::kInvalid,
                     site,
                     detail};
    }
    if (!loaded || !entry.usable(sgx::kSecinfoRead | sgx::kSecinfoWrite))
      return page_refused(address, site, detail);
    if (epc_limited()) state.epcm.store(page, entry.with(EpcmEntry::kPinned));
  }
  return {};
}

// prepare fills the Control block. The TCS is ours (busy) while it runs.
std::optional<Refusal> prepare(Control& control, State& state, TcsState& tcs, std::uint64_t tcs_address,
                               sgx::EnterLeaf leaf) {
  const bool resume = leaf == sgx::EnterLeaf::kEresume;
  if (auto refusal = check_tcs(state, tcs)) return refusal;
  // ERESUME: "CSSA = 0"; EENTER: "CSSA ≥ NSSA": #GP(0).
  if (resume && tcs.cssa == 0) return refused("softsgx.eresume.cssa", "no saved state");
  if (!resume && tcs.cssa >= tcs.nssa) return refused("softsgx.eenter.cssa", "no free SSA frame");
  const std::uint32_t index = resume ? tcs.cssa - 1 : tcs.cssa;
  if (auto refusal = take_frame(state, tcs, index)) return refusal;
  const std::uint64_t gpr = state.ssa_frame(tcs, index) + state.ssa_frame_size() - sizeof(sgx::GprSgx);
  control.outside_rsp_slot = gpr + offsetof(sgx::GprSgx, ursp);
  control.tcs = tcs_address;
  if (resume) {
    if (const Status loaded = load_state(control, state, tcs); !loaded)
      return Refusal{kGeneralProtection, loaded.error().code, loaded.error().site,
                     "the SSA frame holds a state that cannot be loaded"};
    --tcs.cssa;
    state.count(Event::kEresume);
  } else {
    control.enclave_fs = state.base() + tcs.ofsbase;
    control.enclave_gs = state.base() + tcs.ogsbase;
    control.entry = state.base() + tcs.oentry;
    control.cssa = tcs.cssa;
    state.count(Event::kEenter);
  }
  return {};
}

}  // namespace

std::optional<Refusal> begin_entry(Control& control, State& state, std::uint64_t tcs_address,
                                   sgx::EnterLeaf leaf) {
  const PagingGuard guard;
  // EENTER, ERESUME: "DS:RBX is not 4KByte Aligned": #GP(0).
  if (!state.contains(tcs_address) || tcs_address % sgx::kPageSize != 0)
    return refused("softsgx.eenter.tcs_address", "not the address of a page inside");
  const std::uint64_t page = state.page_of(tcs_address);
  const EpcmEntry epcm = state.epcm.load(page);
  if (!state.mappings.allows(page * sgx::kPageSize, PROT_READ | PROT_WRITE)) {
    const auto present = static_cast<std::uint16_t>(epcm.valid() ? sgx::kPfPresent : 0);
    return Refusal{{14, static_cast<std::uint16_t>(present | sgx::kPfUser | sgx::kPfWrite), tcs_address},
                   ErrorCode::kInvalid,
                   "softsgx.eenter.tcs_mapping"};
  }
  // "TCS verification": VALID, BLOCKED, PT_TCS, PENDING, MODIFIED: #PF.
  TcsState* tcs = state.tcs_table.find(page);
  if (tcs == nullptr || epcm.type() != sgx::PageType::kTcs || !epcm.valid() ||
      epcm.any(EpcmEntry::kPending | EpcmEntry::kModified | EpcmEntry::kBlocked))
    return page_refused(tcs_address, "softsgx.eenter.tcs", "not a TCS");
  // "the enclave is not already initialized": #GP(0). "DS:RBX.STATE = ACTIVE": #GP(0).
  if (!state.initialized.load(std::memory_order_acquire))
    return Refusal{kGeneralProtection, ErrorCode::kConflict, "softsgx.eenter.uninitialized"};
  if (tcs->busy.exchange(true, std::memory_order_acquire))
    return Refusal{kGeneralProtection, ErrorCode::kConflict, "softsgx.eenter.busy",
                   "another thread uses this TCS"};
  if (auto refusal = prepare(control, state, *tcs, tcs_address, leaf)) {
    tcs->busy.store(false, std::memory_order_release);
    return refusal;
  }
  control.faulted = false;
  control.tcs_state = tcs;
  control.inside = &state;
  return {};
}

Status Enclave::enter(Entry& entry) {
  Control& control = *TRY(thread_control());
  State& state = *state_;
  if (control.inside != nullptr)
    return Error{ErrorCode::kConflict, "softsgx.eenter.inside", "this thread is in an enclave"};
  TRY(trap_enclave_system_calls(control, state));
  control.aep = 0;
  control.rdi = entry.rdi;
  control.rsi = entry.rsi;
  control.rdx = entry.rdx;
  control.r8 = entry.r8;
  control.r9 = entry.r9;
  if (const auto refusal = begin_entry(control, state, entry.tcs, entry.leaf))
    return Error{refusal->code, refusal->site, std::string(refusal->detail)};
  if (entry.leaf == sgx::EnterLeaf::kEresume)
    softsgx_eresume(&control);
  else
    softsgx_eenter(&control);
  if (control.inside != nullptr) {  // it left by a direct exit (direct_exit.h)
    state.count(Event::kEexit);
    leave(control);
  }
  entry.faulted = control.faulted;
  if (control.faulted) {
    entry.vector = control.vector;
    entry.error_code = control.error_code;
    entry.address = control.address;
  } else {
    entry.rdi = control.rdi;
    entry.rsi = control.rsi;
    entry.rdx = control.rdx;
    entry.r8 = control.r8;
    entry.r9 = control.r9;
  }
  return {};
}

void set_vdso_entry(VdsoEntry entry) { vdso = entry; }
VdsoEntry vdso_entry() { return vdso; }

std::optional<Fault> host_enclu(ucontext_t& context, std::uint64_t length, std::uint64_t& fs) {
  auto* registers = context.uc_mcontext.gregs;
  const auto leaf = static_cast<std::uint32_t>(registers[REG_RAX]);
  const auto tcs = static_cast<std::uint64_t>(registers[REG_RBX]),
             aep = static_cast<std::uint64_t>(registers[REG_RCX]);
  const bool enters = leaf == static_cast<std::uint32_t>(sgx::EnterLeaf::kEenter) ||
                      leaf == static_cast<std::uint32_t>(sgx::EnterLeaf::kEresume);
  if (!enters || tcs % sgx::kPageSize != 0 || tcs >= kAddressEnd || aep >= kAddressEnd || aep == 0)
    return kGeneralProtection;
  State* state = find_enclave(tcs);
  if (state == nullptr) return Fault{14, sgx::kPfUser | sgx::kPfWrite, tcs};
  const Result<Control*> made = handler_control(context);
  if (!made || !trap_enclave_system_calls(**made, *state)) {
    release_enclave(*state);
    return kGeneralProtection;
  }
  Control& control = **made;
  if (const auto refusal = begin_entry(control, *state, tcs, static_cast<sgx::EnterLeaf>(leaf))) {
    release_enclave(*state);
    return refusal->fault;
  }
  control.aep = aep;
  control.host_fs = fs;
  control.host_gs = read_gs_base();
  auto* outside = reinterpret_cast<std::uint64_t*>(control.outside_rsp_slot);
  outside[0] = static_cast<std::uint64_t>(registers[REG_RSP]);
  outside[1] = static_cast<std::uint64_t>(registers[REG_RBP]);
  if (leaf == static_cast<std::uint32_t>(sgx::EnterLeaf::kEresume)) {
    resume_state(control, context);
  } else {
    registers[REG_RAX] = static_cast<long long>(control.cssa);
    registers[REG_RCX] = registers[REG_RIP] + static_cast<long long>(length);
    registers[REG_RIP] = static_cast<long long>(control.entry);
  }
  write_gs_base(control.enclave_gs);
  fs = control.enclave_fs;
  return {};
}

}  // namespace clemmys::softsgx
