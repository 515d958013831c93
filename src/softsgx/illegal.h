// illegal.h: instructions that the processor refuses inside an enclave, and a user program's processor
// refuses in another way. Internal to softsgx.
#pragma once

#include <cstdint>
#include <span>

namespace clemmys::softsgx {

// illegal_inside says whether the instruction that begins here raises #UD inside an enclave where it has just
// raised #GP. Source: Intel SDM volume 3D, table "Illegal Instructions Inside an Enclave". Those of the table
// that raise nothing in a user program are not stopped (docs/softsgx-deviations.md).
bool illegal_inside(std::span<const std::uint8_t> code);

}  // namespace clemmys::softsgx
