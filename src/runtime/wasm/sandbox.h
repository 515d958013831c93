// sandbox.h: what translated WebAssembly (wasm2c) needs to run, and the only ways in and out of it.
//
// Idea: a module can do nothing but compute on its linear memory and call the functions that it was given.
// Every access is inside the memory or its guards (guard.h), every indirect call is checked against the
// callee's type, every function entry against the stack's limit (translated.h); what is outside or fails a
// check ends in a trap, which lands in enter(). Trust: trusted; the module is not.
// Threads: one sandbox belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/wasm/translated.h"

namespace clemmys::wasm {

inline constexpr std::size_t kPageSize = 64u << 10;  // WebAssembly core specification, 4.2.8
// kStackSize is what a module may use of the native stack below enter()'s caller. The enclave's manifest has
// 8 MiB, as Linux has by default. What is left is more than one frame of a module (at most 256 KiB in a
// user's, src/cli/CMakeLists.txt) and a host function need: the check is made when a frame is there already.
inline constexpr std::size_t kStackSize = 5u << 20;

// sandbox_size is what a module may have of an action's memory limit: the rest is the runtime's, for its code
// and data.
inline constexpr std::size_t kSandboxSizeMax = std::size_t{2048} << 20;
std::size_t sandbox_size(std::uint32_t memory_mib);

// Trap tells why a module was stopped. kHost: by a host function (trap_from_host); kOutOfTime: deadline.h.
enum class Trap : std::uint8_t {
  kNone,
  kOutOfBounds,
  kIntegerOverflow,
  kDivideByZero,
  kInvalidConversion,
  kUnreachable,
  kIndirectCall,
  kStackExhausted,
  kHost,
  kOutOfTime
};
std::string_view name(Trap trap);

// enter calls body(argument), which calls into the module, and returns the trap that ended it, or kNone.
// Calls nest. A trap jumps over frames without running destructors: between enter and the module only objects
// without destructors may live; a host function therefore does its work in a function that returns, then
// calls trap_from_host if it must. After a trap the module's memory may be in any state: only reading it,
// restoring it or dropping it makes sense.
Trap enter(void (*body)(void*), void* argument);
template <typename Body>
Trap enter(Body&& body) {
  return enter([](void* argument) { (*static_cast<std::remove_reference_t<Body>*>(argument))(); }, &body);
}
[[noreturn]] void trap_from_host();
[[noreturn]] void trap_out_of_time();

// MemoryLimit sets, while it lives, how far memories that are made by this thread may grow. The address space
// is reserved at once; memory is used when it is touched.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t size_max);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  // was_met: a memory of this thread asked for more than it may have, since the limit was set.
  bool was_met() const;

 private:
  std::uint32_t outer_pages_max_;
};

// KeptMemory keeps, while it lives, one memory of this thread from one instance to the next: a freed one is
// emptied (in an enclave only pages that were touched cost anything) and is the next one's. They nest.
class KeptMemory {
 public:
  KeptMemory();
  ~KeptMemory();
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;

 private:
  friend struct MemoryKeeping;
  KeptMemory* outer_;
  std::uint32_t initial_pages_ = 0;
  wasm_rt_memory_t memory_{};
};

// slice is memory[offset, offset + size), or nothing when that is not inside. It is valid until the memory is
// freed; the module may change what is in it whenever it runs.
std::optional<std::span<std::uint8_t>> slice(const wasm_rt_memory_t& memory, std::uint64_t offset,
                                             std::uint64_t size);

// resize makes the memory `pages` large, all zero beyond what it held; false when that is over its limit, or
// the process has no more.
bool resize(wasm_rt_memory_t& memory, std::uint32_t pages);

// limit sets how far a memory may grow from now on, whatever its module declares; what it has it keeps.
void limit(wasm_rt_memory_t& memory, std::size_t size_max);

}  // namespace clemmys::wasm
