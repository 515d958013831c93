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
// 8 MiB, as Linux has by default.
inline constexpr std::size_t kStackSize = 5u << 20;

// Trap tells why a module was stopped. kHost: by a host function (trap_from_host).
enum class Trap : std::uint8_t {
  kNone,
  kOutOfBounds,
  kIntegerOverflow,
  kDivideByZero,
  kInvalidConversion,
  kUnreachable,
  kIndirectCall,
  kStackExhausted,
  kHost
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

// MemoryLimit sets, while it lives, how far memories that are made by this thread may grow. The address space
// is reserved at once; memory is used when it is touched.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t size_max);
  ~MemoryLimit();
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  std::uint32_t outer_pages_max_;
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
