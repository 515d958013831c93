// ssa.cc: AEX and ERESUME as movements between a signal frame, an SSA frame and a Control block.
// Source: Intel SDM volume 3D, "Asynchronous Enclave Exit" (chapter "Enclave Exiting Events"), "ERESUME";
// XSAVE standard format: volume 1, "Standard Format of the XSAVE Area"; signal frame: Linux
// <asm/sigcontext.h>.
#include <asm/sigcontext.h>

#include <cstring>

#include "softsgx/control.h"
#include "softsgx/registry.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

constexpr std::size_t kLegacySize = 512, kHeaderSize = 64, kSoftwareBytes = 464, kAvxOffset = 576,
                      kAvxSize = 256, kMxcsrOffset = 24;
constexpr std::uint32_t kMxcsrDefault = 0x1f80, kMxcsrMask = 0xffff;
constexpr std::uint64_t kFlagsSaved = 0x240cd5;  // CF PF AF ZF SF DF OF AC ID: neither TF nor system flags
constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

std::uint64_t& header_bits(std::uint8_t* xsave) {
  return *reinterpret_cast<std::uint64_t*>(xsave + kLegacySize);
}

// save_extended copies the XFRM part of the signal frame into the SSA and resets it in the signal frame, as
// an AEX does.
void save_extended(std::uint8_t* ssa, std::uint8_t* frame, std::uint64_t xfrm) {
  const auto* software = reinterpret_cast<const _fpx_sw_bytes*>(frame + kSoftwareBytes);
  const bool extended = software->magic1 == FP_XSTATE_MAGIC1;
  std::memcpy(ssa, frame, kSoftwareBytes);
  std::memset(ssa + kSoftwareBytes, 0, kLegacySize - kSoftwareBytes + kHeaderSize);
  header_bits(ssa) = (extended ? header_bits(frame) : sgx::kXfrmLegacy) & xfrm;
  if (header_bits(ssa) & sgx::kXfrmAvx)
    std::memcpy(ssa + kAvxOffset, frame + kAvxOffset, kAvxSize);
  else if (xfrm & sgx::kXfrmAvx)
    std::memset(ssa + kAvxOffset, 0, kAvxSize);
  if (extended) header_bits(frame) &= ~xfrm;
  std::memcpy(frame + kMxcsrOffset, &kMxcsrDefault, sizeof kMxcsrDefault);
}

// has_detail: exceptions that EXITINFO reports (SDM table "Exception Vectors"); #PF and #GP only with
// MISCSELECT.EXINFO.
bool has_detail(std::uint16_t vector, bool exinfo) {
  if (vector == kNoVector) return false;
  switch (static_cast<sgx::Vector>(vector)) {
    case sgx::Vector::kDivide:
    case sgx::Vector::kDebug:
    case sgx::Vector::kBreakpoint:
    case sgx::Vector::kBound:
    case sgx::Vector::kInvalidOpcode:
    case sgx::Vector::kFloatingPoint:
    case sgx::Vector::kAlignment:
    case sgx::Vector::kSimd:
      return true;
    case sgx::Vector::kGeneralProtection:
    case sgx::Vector::kPageFault:
      return exinfo;
  }
  return false;
}

}  // namespace

void leave(Control& control) {
  TcsState* tcs = control.tcs_state;
  State& state = *control.inside;
  control.inside = nullptr;
  control.tcs_state = nullptr;
  write_gs_base(control.host_gs);
  tcs->busy.store(false, std::memory_order_release);
  if (control.aep != 0) release_enclave(state);
}

void save_state(Control& control, ucontext_t& context, std::uint64_t enclave_fs) {
  State& state = *control.inside;
  TcsState& tcs = *control.tcs_state;
  auto* registers = context.uc_mcontext.gregs;
  const std::uint64_t frame = state.ssa_frame(tcs, tcs.cssa), frame_end = frame + state.ssa_frame_size();
  auto* gpr = reinterpret_cast<sgx::GprSgx*>(frame_end - sizeof(sgx::GprSgx));

  auto* out = &gpr->rax;
  for (int i = 0; i < 16; ++i) out[i] = static_cast<std::uint64_t>(registers[kRegisters[i]]);
  gpr->rflags = static_cast<std::uint64_t>(registers[REG_EFL]);
  gpr->rip = static_cast<std::uint64_t>(registers[REG_RIP]);
  gpr->fsbase = enclave_fs;
  gpr->gsbase = read_gs_base();
  const bool exinfo = state.secs().miscselect & sgx::kMiscExinfo;
  const bool software = control.vector == static_cast<std::uint16_t>(sgx::Vector::kBreakpoint);
  gpr->exitinfo = !has_detail(control.vector, exinfo)
                      ? 0
                      : sgx::kExitInfoValid | (software ? sgx::kExitInfoSoftware : sgx::kExitInfoHardware) |
                            control.vector;
  if (exinfo) {
    auto* info = reinterpret_cast<sgx::ExInfo*>(frame_end - sizeof(sgx::GprSgx) - sizeof(sgx::ExInfo));
    const bool fault = control.vector == 13 || control.vector == 14;
    *info = fault ? sgx::ExInfo{.maddr = control.address, .errcd = control.error_code, .reserved = 0}
                  : sgx::ExInfo{};
  }
  save_extended(reinterpret_cast<std::uint8_t*>(frame),
                reinterpret_cast<std::uint8_t*>(context.uc_mcontext.fpregs), state.secs().attributes.xfrm);

  // Synthetic state outside: the registers say how to ERESUME; everything else is zero.
  for (const int index : kRegisters) registers[index] = 0;
  registers[REG_RAX] = static_cast<long long>(sgx::EnterLeaf::kEresume);
  registers[REG_RBX] = static_cast<long long>(control.tcs);
  registers[REG_RCX] = static_cast<long long>(control.aep);
  registers[REG_EFL] = 0x202;
  if (control.aep != 0) {
    registers[REG_RSP] = static_cast<long long>(gpr->ursp);
    registers[REG_RBP] = static_cast<long long>(gpr->urbp);
    registers[REG_RIP] = static_cast<long long>(control.aep);
  } else {
    registers[REG_RSP] = static_cast<long long>(control.host_rsp);
    registers[REG_RIP] = reinterpret_cast<long long>(&softsgx_after_enclu);
  }
  control.address &= ~(sgx::kPageSize - 1);  // what an operating system learns of a fault inside
  control.faulted = true;
  ++tcs.cssa;
  state.count(Event::kAex);
  leave(control);
}

Status load_state(Control& control, State& state, TcsState& tcs) {
  const std::uint64_t frame = state.ssa_frame(tcs, tcs.cssa - 1), frame_end = frame + state.ssa_frame_size();
  const std::uint64_t xfrm = state.secs().attributes.xfrm;
  sgx::GprSgx gpr;  // one copy: another thread of the enclave may write to the SSA
  std::memcpy(&gpr, reinterpret_cast<const void*>(frame_end - sizeof gpr), sizeof gpr);
  std::memcpy(control.gpr, &gpr, sizeof control.gpr);
  const std::uint64_t flags = (gpr.rflags & kFlagsSaved) | 0x202;
  const std::uint64_t return_frame[5] = {gpr.rip, 0x33, flags, gpr.rsp, 0x2b};
  std::memcpy(control.return_frame, return_frame, sizeof return_frame);
  control.enclave_fs = gpr.fsbase;
  control.enclave_gs = gpr.gsbase;
  control.xfrm = xfrm;
  std::memcpy(control.xsave, reinterpret_cast<const void*>(frame), kAvxOffset + kAvxSize);
  std::uint32_t mxcsr = 0;
  std::memcpy(&mxcsr, control.xsave + kMxcsrOffset, sizeof mxcsr);
  std::uint64_t header[8];
  std::memcpy(header, control.xsave + kLegacySize, sizeof header);
  bool reserved = (header[0] & ~xfrm) != 0 || (mxcsr & ~kMxcsrMask) != 0;
  for (int i = 1; i < 8; ++i) reserved |= header[i] != 0;
  constexpr auto canonical = [](std::uint64_t address) { return address < 0x800000000000; };
  if (reserved || !canonical(gpr.rip) || !canonical(gpr.fsbase) || !canonical(gpr.gsbase))
    return Error{ErrorCode::kInvalid, "softsgx.eresume.frame",
                 "the SSA frame holds a state that cannot be loaded"};
  return {};
}

void resume_state(const Control& control, ucontext_t& context) {
  auto* registers = context.uc_mcontext.gregs;
  for (int i = 0; i < 16; ++i) registers[kRegisters[i]] = static_cast<long long>(control.gpr[i]);
  registers[REG_RIP] = static_cast<long long>(control.return_frame[0]);
  registers[REG_EFL] = static_cast<long long>(control.return_frame[2]);
  auto* frame = reinterpret_cast<std::uint8_t*>(context.uc_mcontext.fpregs);
  const auto* software = reinterpret_cast<const _fpx_sw_bytes*>(frame + kSoftwareBytes);
  std::memcpy(frame, control.xsave, kSoftwareBytes);
  if (software->magic1 != FP_XSTATE_MAGIC1) return;
  std::uint64_t saved;
  std::memcpy(&saved, control.xsave + kLegacySize, sizeof saved);
  header_bits(frame) = (header_bits(frame) & ~control.xfrm) | saved;
  if (saved & sgx::kXfrmAvx) std::memcpy(frame + kAvxOffset, control.xsave + kAvxOffset, kAvxSize);
}

}  // namespace clemmys::softsgx
