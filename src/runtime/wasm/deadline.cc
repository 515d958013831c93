#include "runtime/wasm/deadline.h"

#include <algorithm>

#include "base/check.h"
#include "runtime/wasm/sandbox.h"

namespace clemmys::wasm {
namespace {
// A step takes a nanosecond or some: a look every few milliseconds at most.
constexpr std::int64_t kStepsPerLook = 1 << 20;
thread_local const Deadline* t_deadline = nullptr;
}  // namespace

std::uint64_t deadline_ns(const Clock& clock, std::uint64_t timeout_ms, std::uint64_t deadline_unix_ms) {
  constexpr std::uint64_t kMarginMsMax = 20, kMarginPart = 20, kNsPerMs = 1'000'000;
  std::uint64_t left_ms = UINT64_MAX;
  if (timeout_ms != 0) left_ms = timeout_ms - std::min(kMarginMsMax, timeout_ms / kMarginPart);
  if (deadline_unix_ms != 0) {
    const std::uint64_t now = clock.unix_ms();
    left_ms = std::min(left_ms, deadline_unix_ms > now ? deadline_unix_ms - now : 0);
  }
  return left_ms == UINT64_MAX ? 0 : clock.monotonic_ns() + left_ms * kNsPerMs + 1;
}

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
