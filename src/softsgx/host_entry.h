// host_entry.h: ENCLU as host code runs it: the checks of EENTER and ERESUME, and the instruction itself in
// host code, which traps here. Internal to softsgx. Source: Intel SDM volume 3D, "EENTER", "ERESUME".
#pragma once

#include <ucontext.h>

#include <optional>
#include <string_view>

#include "softsgx/leaves.h"

namespace clemmys::softsgx {

// Refusal is why EENTER or ERESUME did not enter: the processor's exception, and a word for people.
struct Refusal {
  Fault fault;
  ErrorCode code;
  std::string_view site, detail = {};
};

// begin_entry does the processor's checks, fills the Control block and takes the TCS. After it the thread
// counts as inside: the caller jumps.
std::optional<Refusal> begin_entry(Control& control, State& state, std::uint64_t tcs, sgx::EnterLeaf leaf);

// host_enclu performs the ENCLU at RIP, `length` bytes long, of host code: the thread continues inside when
// the handler returns with the FS base that `fs` then holds. Else the exception that the instruction raises.
std::optional<Fault> host_enclu(ucontext_t& context, std::uint64_t length, std::uint64_t& fs);

// VdsoEntry is where __vdso_sgx_enter_enclave has its one ENCLU, as INT3 and two more bytes, and where the
// kernel continues after an exception of it or of the enclave, with RDI, RSI and RDX saying which.
struct VdsoEntry {
  std::uint64_t enclu = 0, exception = 0;
};
void set_vdso_entry(VdsoEntry entry);
VdsoEntry vdso_entry();
inline constexpr std::uint64_t kVdsoEncluSize = 3;

}  // namespace clemmys::softsgx
