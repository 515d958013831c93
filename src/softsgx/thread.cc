// thread.cc: makes a thread ready to enter: its Control block, its signal stack, the trap on its system
// calls.
#include <immintrin.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "softsgx/control.h"
#include "softsgx/range.h"
#include "softsgx/state.h"

extern "C" {
std::uint64_t softsgx_arena_base = 0, softsgx_arena_size = 0;
}

namespace clemmys::softsgx {

extern "C" thread_local Control* softsgx_control = nullptr;

namespace {

constexpr int kPrSetSyscallUserDispatch = 59;
constexpr unsigned long kDispatchOff = 0, kDispatchExclusive = 1, kDispatchInclusive = 2;
constexpr unsigned long kHwcap2Fsgsbase = 2;

// Arena is all slots of the process. Address space only: a slot costs memory once a thread has it. Never
// unmapped.
struct Arena {
  std::mutex lock;
  std::vector<std::uint32_t> free;
  std::uint32_t used = 0;

  Control* take() {
    const std::scoped_lock guard(lock);
    if (softsgx_arena_base == 0) {
      const std::uint64_t size = kSlotSize * kSlotCount;
      void* memory = ::mmap(nullptr, size + kSlotSize, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) return nullptr;
      softsgx_arena_base = (reinterpret_cast<std::uint64_t>(memory) + kSlotSize - 1) / kSlotSize * kSlotSize;
      softsgx_arena_size = size;
    }
    if (free.empty() && used == kSlotCount) return nullptr;
    const std::uint32_t index = free.empty() ? used++ : free.back();
    if (!free.empty()) free.pop_back();
    return reinterpret_cast<Control*>(softsgx_arena_base + index * kSlotSize);
  }
  void give_back(const Control* control) {
    const std::scoped_lock guard(lock);
    free.push_back(static_cast<std::uint32_t>(
        (reinterpret_cast<std::uint64_t>(control) - softsgx_arena_base) / kSlotSize));
  }
};

Arena& arena() {
  static Arena* const instance = new Arena;  // outlives every thread
  return *instance;
}

struct Slot {
  Control* control = nullptr;
  stack_t host_stack{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  ~Slot() {
    if (control == nullptr) return;
    ::prctl(kPrSetSyscallUserDispatch, kDispatchOff, 0, 0, 0);
    ::sigaltstack(&host_stack, nullptr);
    softsgx_control = nullptr;
    arena().give_back(control);
  }
};

// trap_area: inclusive mode traps exactly the enclaves' area. Kernels before it know only
// "all but one range": then all above the area is exempt, which covers position-independent hosts and their
// libraries.
Status trap_area() {
  if (::prctl(kPrSetSyscallUserDispatch, kDispatchInclusive, kAreaStart, kAreaEnd - kAreaStart, 0) == 0)
    return {};
  constexpr std::uint64_t kUserEnd = 0x7ffffffff000;
  const bool host_is_above = reinterpret_cast<std::uint64_t>(&arena) >= kAreaEnd;
  if (host_is_above &&
      ::prctl(kPrSetSyscallUserDispatch, kDispatchExclusive, kAreaEnd, kUserEnd - kAreaEnd, 0) == 0)
    return {};
  return Error{ErrorCode::kUnsupported, "softsgx.thread.syscall_dispatch", std::strerror(errno)};
}

thread_local Slot slot;

stack_t stack_of(Control* control) {
  return {.ss_sp = reinterpret_cast<std::uint8_t*>(control) + kControlSize,
          .ss_flags = 0,
          .ss_size = kSlotSize - kControlSize};
}

// make_control gives the thread a block, without a signal stack.
Result<Control*> make_control() {
  if (!(::getauxval(AT_HWCAP2) & kHwcap2Fsgsbase))
    return Error{ErrorCode::kUnsupported, "softsgx.thread.fsgsbase"};
  TRY(trap_area());
  Control* control = arena().take();
  if (control == nullptr) return Error{ErrorCode::kExhausted, "softsgx.thread.slots"};
  std::memset(control, 0, sizeof *control);
  control->host_fs = read_fs_base();
  control->host_gs = read_gs_base();
  const std::uint64_t index = (reinterpret_cast<std::uint64_t>(control) - softsgx_arena_base) / kSlotSize;
  control->exit_address = reinterpret_cast<std::uint64_t>(&softsgx_exits) + index * kExitSize;
  return control;
}

Control* publish(Control* control, const stack_t& host_stack) {
  slot.control = control;
  slot.host_stack = host_stack;
  if (host_stack.ss_size == 0) slot.host_stack.ss_flags = SS_DISABLE;  // a thread that never had one
  softsgx_control = control;
  return control;
}

}  // namespace

Result<Control*> thread_control() {
  if (softsgx_control != nullptr) return softsgx_control;
  Control* control = TRY(make_control());
  const stack_t stack = stack_of(control);
  stack_t before{};
  if (::sigaltstack(&stack, &before) != 0) {
    arena().give_back(control);
    return Error{ErrorCode::kInternal, "softsgx.thread.sigaltstack", std::strerror(errno)};
  }
  return publish(control, before);
}

Result<Control*> handler_control(ucontext_t& context) {
  if (softsgx_control != nullptr) return softsgx_control;
  Control* control = TRY(make_control());
  const stack_t before = context.uc_stack;
  context.uc_stack = stack_of(control);
  return publish(control, before);
}

Status trap_enclave_system_calls(Control& control, State& state) {
  const bool in_area = state.base() >= kAreaStart && state.base() + state.range.size() <= kAreaEnd;
  State* wanted = in_area ? nullptr : &state;
  if (control.trapped == wanted) return {};
  if (in_area) {
    TRY(trap_area());
  } else if (::prctl(kPrSetSyscallUserDispatch, kDispatchInclusive, state.base(), state.range.size(), 0) !=
             0) {
    return Error{ErrorCode::kUnsupported, "softsgx.thread.syscall_dispatch", std::strerror(errno)};
  }
  control.trapped = wanted;
  return {};
}

stack_t host_signal_stack() { return slot.host_stack; }
void set_host_signal_stack(const stack_t& stack) { slot.host_stack = stack; }

void after_fork() {
  if (softsgx_control == nullptr) return;
  (void)trap_area();
  softsgx_control->trapped = nullptr;
}

}  // namespace clemmys::softsgx
