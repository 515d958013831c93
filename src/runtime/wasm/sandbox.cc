#include "runtime/wasm/sandbox.h"

#include <setjmp.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "runtime/wasm/deadline.h"
#include "runtime/wasm/guard.h"

extern "C" {
__thread uintptr_t clemmys_wasm_stack_limit = UINTPTR_MAX;  // outside enter() nothing runs
}

namespace clemmys::wasm {
namespace {

constexpr int kHostTrap = 0x100, kTimeTrap = 0x101;    // above every wasm_rt_trap_t
constexpr std::uint32_t kTableElementsMax = 1u << 20;  // 24 bytes each, outside of the module's memory
constexpr std::uint32_t kStepsPerGrowth = 4096;        // as a call of WASI: it is one of the system
thread_local jmp_buf* t_landing = nullptr;
thread_local std::uint32_t t_pages_max = 0;
thread_local bool t_limit_was_met = false;
thread_local KeptMemory* t_kept = nullptr;

// FunctionType: counts of parameters and results, then their types.
using FunctionType = std::vector<std::uint32_t>;
std::vector<FunctionType>& function_types() {
  static std::vector<FunctionType> types;
  return types;
}

[[noreturn]] void land(int code) {
  CHECK(t_landing != nullptr);
  longjmp(*t_landing, code);
}

struct sigaction g_action_before;

// fault is where SIGSEGV comes to. One outside of all linear memories is a bug of ours: back to what there
// was before, under which the instruction faults again.
void fault(int, siginfo_t* info, void*) {
  if (t_landing != nullptr && is_reserved(info->si_addr)) land(WASM_RT_TRAP_OOB);
  sigaction(SIGSEGV, &g_action_before, nullptr);
}

// reserve_or_end is reserve, for a process that can do nothing without. Whoever packed it reads why.
std::uint8_t* reserve_or_end() {
  std::uint8_t* const base = reserve();
  if (base != nullptr) return base;
  log_error(
      "a sandbox needs 8 GiB of address space for its guards: pack the image without memory_strategy: "
      "sgx1-…");
  std::_Exit(1);
}

// catch_faults is called once a process. It tries a guard: where the platform leaves such pages accessible,
// nothing may run.
bool catch_faults() {
  struct sigaction action{};
  action.sa_sigaction = fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;  // land() never returns
  CHECK(sigaction(SIGSEGV, &action, &g_action_before) == 0);
  std::uint8_t* const base = reserve_or_end();
  for (const std::size_t offset : {std::size_t{0}, kReservedSize - 1}) {
    const volatile std::uint8_t* guard = base + offset;
    CHECK(enter([guard] { static_cast<void>(*guard); }) == Trap::kOutOfBounds);
  }
  give_up(base);
  return true;
}

Trap trap_of(int code) {
  switch (code) {
    case WASM_RT_TRAP_OOB:
      return Trap::kOutOfBounds;
    case WASM_RT_TRAP_INT_OVERFLOW:
      return Trap::kIntegerOverflow;
    case WASM_RT_TRAP_DIV_BY_ZERO:
      return Trap::kDivideByZero;
    case WASM_RT_TRAP_INVALID_CONVERSION:
      return Trap::kInvalidConversion;
    case WASM_RT_TRAP_CALL_INDIRECT:
      return Trap::kIndirectCall;
    case WASM_RT_TRAP_EXHAUSTION:
      return Trap::kStackExhausted;
    case kHostTrap:
      return Trap::kHost;
    case kTimeTrap:
      return Trap::kOutOfTime;
    default:
      return Trap::kUnreachable;
  }
}

}  // namespace

// MemoryKeeping is what the translation's interface does with the kept memory.
struct MemoryKeeping {
  static bool take(wasm_rt_memory_t& memory, std::uint32_t pages) {
    if (t_kept == nullptr) return false;
    t_kept->initial_pages_ = pages;
    if (t_kept->memory_.data == nullptr) return false;
    t_kept->memory_.max_pages = memory.max_pages;
    memory = std::exchange(t_kept->memory_, {});
    CHECK(resize(memory, pages));
    return true;
  }
  // What the memory grew is closed; what it began with stays open, because closing and opening pages costs.
  static bool keep(wasm_rt_memory_t& memory) {
    if (t_kept == nullptr || t_kept->memory_.data != nullptr) return false;
    CHECK(resize(memory, std::min(memory.pages, t_kept->initial_pages_)));
    clear(memory.data, memory.size);
    t_kept->memory_ = std::exchange(memory, {});
    return true;
  }
};

KeptMemory::KeptMemory() : outer_(std::exchange(t_kept, this)) {}
KeptMemory::~KeptMemory() {
  t_kept = outer_;
  if (memory_.data != nullptr) give_up(memory_.data);
}

std::size_t sandbox_size(std::uint32_t memory_mib) {
  constexpr std::size_t kRuntimeSize = 16u << 20, kSizeMin = 16u << 20;
  const std::size_t size = std::size_t{memory_mib} << 20;
  return std::clamp(size > kRuntimeSize ? size - kRuntimeSize : 0, kSizeMin, kSandboxSizeMax);
}

std::string_view name(Trap trap) {
  constexpr std::array<std::string_view, 10> kNames = {"none",
                                                       "out of bounds",
                                                       "integer overflow",
                                                       "division by zero",
                                                       "invalid conversion",
                                                       "unreachable code",
                                                       "indirect call of another type",
                                                       "stack exhausted",
                                                       "stopped by the host",
                                                       "out of time"};
  return kNames.at(static_cast<std::size_t>(trap));
}

Trap enter(void (*body)(void*), void* argument) {
  jmp_buf here;
  jmp_buf* const outer = t_landing;
  const uintptr_t outer_limit = clemmys_wasm_stack_limit;
  const int code = _setjmp(here);
  if (code == 0) {
    t_landing = &here;
    if (outer == nullptr) clemmys_wasm_stack_limit = clemmys_wasm_stack_pointer() - kStackSize;
    body(argument);
  }
  t_landing = outer;
  clemmys_wasm_stack_limit = outer_limit;
  return code == 0 ? Trap::kNone : trap_of(code);
}

void trap_from_host() { land(kHostTrap); }
void trap_out_of_time() { land(kTimeTrap); }

MemoryLimit::MemoryLimit(std::size_t size_max) : outer_pages_max_(t_pages_max) {
  CHECK(size_max < (std::size_t{1} << 32));  // wasm_rt_memory_t::size has 32 bits
  t_pages_max = static_cast<std::uint32_t>(size_max / kPageSize);
  t_limit_was_met = false;
}
bool MemoryLimit::was_met() const { return t_limit_was_met; }
MemoryLimit::~MemoryLimit() { t_pages_max = outer_pages_max_; }

std::optional<std::span<std::uint8_t>> slice(const wasm_rt_memory_t& memory, std::uint64_t offset,
                                             std::uint64_t size) {
  if (size > memory.size || offset > memory.size - size) return std::nullopt;
  return std::span(memory.data + offset, size);
}

bool resize(wasm_rt_memory_t& memory, std::uint32_t pages) {
  if (pages > memory.max_pages) return false;
  const std::size_t size = std::size_t{pages} * kPageSize;
  if (size >= memory.size) {
    if (!open_range(memory.data, memory.size, size)) return false;
  } else {
    CHECK(close_range(memory.data, size, memory.size));
  }
  memory.pages = pages;
  memory.size = static_cast<std::uint32_t>(size);
  return true;
}

void limit(wasm_rt_memory_t& memory, std::size_t size_max) {
  CHECK(size_max < (std::size_t{1} << 32));  // wasm_rt_memory_t::size has 32 bits
  memory.max_pages = std::max(memory.pages, static_cast<std::uint32_t>(size_max / kPageSize));
}

}  // namespace clemmys::wasm

// The interface that wasm2c's output calls (wasm-rt.h).
using namespace clemmys;

extern "C" {

void wasm_rt_init() {}
bool wasm_rt_is_initialized() { return true; }
void wasm_rt_free() {}

void wasm_rt_trap(wasm_rt_trap_t code) { wasm::land(code); }

uint32_t wasm_rt_register_func_type(uint32_t parameters, uint32_t results, ...) {
  wasm::FunctionType type = {parameters, results};
  va_list list;
  va_start(list, results);
  for (uint32_t i = 0; i < parameters + results; ++i) type.push_back(va_arg(list, unsigned));
  va_end(list);
  auto& known = wasm::function_types();
  for (std::size_t i = 0; i < known.size(); ++i)
    if (known[i] == type) return static_cast<uint32_t>(i + 1);
  known.push_back(std::move(type));
  return static_cast<uint32_t>(known.size());
}

void wasm_rt_allocate_memory(wasm_rt_memory_t* memory, uint32_t initial_pages, uint32_t max_pages) {
  memory->max_pages = std::min(max_pages, wasm::t_pages_max);
  CHECK(initial_pages <= memory->max_pages);
  if (wasm::MemoryKeeping::take(*memory, initial_pages)) return;
  static const bool caught = wasm::catch_faults();
  CHECK(caught);
  memory->data = wasm::reserve_or_end();
  memory->pages = 0;
  memory->size = 0;
  CHECK(wasm::resize(*memory, initial_pages));
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t* memory, uint32_t delta) {
  wasm::charge(wasm::kStepsPerGrowth);
  const uint32_t old = memory->pages;
  if (delta <= memory->max_pages - old && wasm::resize(*memory, old + delta)) return old;
  wasm::t_limit_was_met = true;
  return UINT32_MAX;
}

void wasm_rt_free_memory(wasm_rt_memory_t* memory) {
  if (memory->data == nullptr || wasm::MemoryKeeping::keep(*memory)) return;
  wasm::give_up(memory->data);
  *memory = {};
}

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t* table, uint32_t elements,
                                    uint32_t max_elements) {
  table->data = new wasm_rt_funcref_t[elements]();
  table->size = elements;
  table->max_size = max_elements;
}

uint32_t wasm_rt_grow_funcref_table(wasm_rt_funcref_table_t* table, uint32_t delta,
                                    wasm_rt_funcref_t initial) {
  wasm::charge(table->size);  // all of it is copied
  const uint32_t old = table->size, most = std::min(table->max_size, wasm::kTableElementsMax);
  if (old > most || delta > most - old) return UINT32_MAX;
  auto* grown = new (std::nothrow) wasm_rt_funcref_t[old + delta];
  if (grown == nullptr) return UINT32_MAX;
  std::fill(std::copy(table->data, table->data + old, grown), grown + old + delta, initial);
  delete[] table->data;
  table->data = grown;
  table->size = old + delta;
  return old;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t* table) {
  delete[] table->data;
  *table = {};
}
}
