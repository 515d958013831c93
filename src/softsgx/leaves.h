// leaves.h: the ENCLU leaf functions that an enclave runs. Called from the trap handler with the enclave's
// registers. Internal to softsgx. Source: Intel SDM volume 3D, "Intel SGX User Leaf Function Reference".
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <optional>

#include "softsgx/control.h"

namespace clemmys::softsgx {

// Fault is an exception to raise inside instead of finishing the instruction.
struct Fault {
  std::uint16_t vector, error_code;
  std::uint64_t address;
};

// run_leaf performs the leaf in EAX and moves RIP past the three bytes of ENCLU at RIP; EEXIT also leaves the
// enclave.
std::optional<Fault> run_leaf(Control& control, ucontext_t& context);

}  // namespace clemmys::softsgx
