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
  ~Slot() {
    if (control == nullptr) return;
    ::prctl(kPrSetSyscallUserDispatch, kDispatchOff, 0, 0, 0);
    const stack_t off{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    ::sigaltstack(&off, nullptr);
    softsgx_control = nullptr;
    arena().give_back(control);
  }
};

// trap_enclave_system_calls: inclusive mode traps exactly the enclaves' area. Kernels before it know only
// "all but one range": then all above the area is exempt, which covers position-independent hosts and their
// libraries.
Status trap_enclave_system_calls() {
  if (::prctl(kPrSetSyscallUserDispatch, kDispatchInclusive, kAreaStart, kAreaEnd - kAreaStart, 0) == 0)
    return {};
  constexpr std::uint64_t kUserEnd = 0x7ffffffff000;
  const bool host_is_above = reinterpret_cast<std::uint64_t>(&arena) >= kAreaEnd;
  if (host_is_above &&
      ::prctl(kPrSetSyscallUserDispatch, kDispatchExclusive, kAreaEnd, kUserEnd - kAreaEnd, 0) == 0)
    return {};
  return Error{ErrorCode::kUnsupported, "softsgx.thread.syscall_dispatch", std::strerror(errno)};
}

}  // namespace

Result<Control*> thread_control() {
  if (softsgx_control != nullptr) return softsgx_control;
  static thread_local Slot slot;
  if (!(::getauxval(AT_HWCAP2) & kHwcap2Fsgsbase))
    return Error{ErrorCode::kUnsupported, "softsgx.thread.fsgsbase"};
  TRY(trap_enclave_system_calls());
  Control* control = arena().take();
  if (control == nullptr) return Error{ErrorCode::kExhausted, "softsgx.thread.slots"};
  std::memset(control, 0, sizeof *control);
  control->host_fs = read_fs_base();
  control->host_gs = read_gs_base();
  const stack_t stack{.ss_sp = reinterpret_cast<std::uint8_t*>(control) + kControlSize,
                      .ss_flags = 0,
                      .ss_size = kSlotSize - kControlSize};
  if (::sigaltstack(&stack, nullptr) != 0) {
    arena().give_back(control);
    return Error{ErrorCode::kInternal, "softsgx.thread.sigaltstack", std::strerror(errno)};
  }
  slot.control = control;
  softsgx_control = control;
  return control;
}

}  // namespace clemmys::softsgx
