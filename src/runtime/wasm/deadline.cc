#include "runtime/wasm/deadline.h"

#include "base/check.h"
#include "runtime/wasm/sandbox.h"

namespace clemmys::wasm {
namespace {
// A step takes a nanosecond or some: a look every few milliseconds at most.
constexpr std::int64_t kStepsPerLook = 1 << 20;
thread_local const Deadline* t_deadline = nullptr;
}  // namespace

Deadline::Deadline(const Clock& clock, std::uint64_t monotonic_ns)
    : clock_(clock), monotonic_ns_(monotonic_ns) {
  CHECK(t_deadline == nullptr);
  t_deadline = this;
}
Deadline::~Deadline() { t_deadline = nullptr; }

}  // namespace clemmys::wasm

extern "C" {
__thread int64_t clemmys_wasm_steps_left = 0;

void clemmys_wasm_look() {
  clemmys_wasm_steps_left = clemmys::wasm::kStepsPerLook;
  if (clemmys::wasm::t_deadline != nullptr && clemmys::wasm::t_deadline->passed())
    clemmys::wasm::trap_out_of_time();
}
}

namespace clemmys::wasm {
void charge(std::uint32_t steps) { clemmys_wasm_steps_left -= steps; }
}  // namespace clemmys::wasm
