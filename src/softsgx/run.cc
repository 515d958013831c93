// run.cc: EENTER and ERESUME from the host's side: checks, then the jump.
#include "softsgx/control.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

// prepare does the checks that the processor makes and fills the Control block. The TCS is ours (busy) while
// it runs.
Status prepare(Control& control, State& state, TcsState& tcs, const Entry& entry) {
  const bool resume = entry.leaf == sgx::EnterLeaf::kEresume;
  if (resume && tcs.cssa == 0) return Error{ErrorCode::kInvalid, "softsgx.eresume.cssa", "no saved state"};
  if (!resume && tcs.cssa >= tcs.nssa)
    return Error{ErrorCode::kInvalid, "softsgx.eenter.cssa", "no free SSA frame"};
  const std::uint32_t index = resume ? tcs.cssa - 1 : tcs.cssa;
  if (!state.ssa_usable(tcs, index))
    return Error{ErrorCode::kInvalid, "softsgx.eenter.ssa", "the SSA frame is not readable and writable"};
  const std::uint64_t gpr = state.ssa_frame(tcs, index) + state.ssa_frame_size() - sizeof(sgx::GprSgx);
  control.outside_rsp_slot = gpr + offsetof(sgx::GprSgx, ursp);
  control.tcs = entry.tcs;
  if (resume) {
    TRY(load_state(control, state, tcs));
    --tcs.cssa;
    state.count(Event::kEresume);
  } else {
    control.enclave_fs = state.base() + tcs.ofsbase;
    control.enclave_gs = state.base() + tcs.ogsbase;
    control.entry = state.base() + tcs.oentry;
    control.cssa = tcs.cssa;
    control.rdi = entry.rdi;
    control.rsi = entry.rsi;
    control.rdx = entry.rdx;
    control.r8 = entry.r8;
    control.r9 = entry.r9;
    state.count(Event::kEenter);
  }
  return {};
}

}  // namespace

Status Enclave::enter(Entry& entry) {
  Control& control = *TRY(thread_control());
  State& state = *state_;
  if (control.inside != nullptr)
    return Error{ErrorCode::kConflict, "softsgx.eenter.inside", "this thread is in an enclave"};
  if (!state.initialized.load(std::memory_order_acquire))
    return Error{ErrorCode::kConflict, "softsgx.eenter.uninitialized"};
  if (!state.contains(entry.tcs) || entry.tcs % sgx::kPageSize != 0)
    return Error{ErrorCode::kInvalid, "softsgx.eenter.tcs_address"};
  const std::uint64_t page = state.page_of(entry.tcs);
  const EpcmEntry epcm = state.epcm.load(page);
  TcsState* tcs = state.tcs_table.find(page);
  if (tcs == nullptr || epcm.type() != sgx::PageType::kTcs || !epcm.valid() ||
      epcm.any(EpcmEntry::kModified | EpcmEntry::kBlocked))
    return Error{ErrorCode::kInvalid, "softsgx.eenter.tcs", "not a TCS"};
  if (tcs->busy.exchange(true, std::memory_order_acquire))
    return Error{ErrorCode::kConflict, "softsgx.eenter.busy", "another thread uses this TCS"};
  if (Status status = prepare(control, state, *tcs, entry); !status) {
    tcs->busy.store(false, std::memory_order_release);
    return status;
  }
  control.faulted = false;
  control.tcs_state = tcs;
  control.inside = &state;
  if (entry.leaf == sgx::EnterLeaf::kEresume)
    softsgx_eresume(&control);
  else
    softsgx_eenter(&control);
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

}  // namespace clemmys::softsgx
