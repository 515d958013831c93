// Source of the layout: Linux arch/x86/include/asm/sigframe.h (struct rt_sigframe), <asm/ucontext.h>,
// <asm/sigcontext.h>; System V ABI, AMD64 supplement, "The Stack Frame" (red zone, alignment at entry).
#include "softsgx/deliver.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "softsgx/host_access.h"

namespace clemmys::softsgx {
namespace {

constexpr std::uint64_t kRedZone = 128, kFpAlignment = 64, kFpSoftwareBytes = 464, kFpLegacySize = 512;
constexpr std::size_t kContextSize = offsetof(ucontext_t, uc_sigmask) + sizeof(std::uint64_t);
constexpr long long kFlagsCleared = 0x10500;  // RF, DF, TF

// Frame is what the handler's return finds on the stack.
struct Frame {
  void (*restorer)();
  alignas(8) std::uint8_t context[kContextSize];
  siginfo_t info;
};

std::size_t extended_size(const void* fp_state) {
  _fpx_sw_bytes software;
  std::memcpy(&software, static_cast<const std::uint8_t*>(fp_state) + kFpSoftwareBytes, sizeof software);
  return software.magic1 == FP_XSTATE_MAGIC1 ? software.extended_size : kFpLegacySize;
}

// top_of is where the handler's stack may begin.
std::uint64_t top_of(const ucontext_t& context, const struct sigaction& action, const stack_t& alternate) {
  const auto rsp = static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RSP]),
             low = reinterpret_cast<std::uint64_t>(alternate.ss_sp);
  const bool usable = alternate.ss_size != 0 && !(alternate.ss_flags & SS_DISABLE);
  const bool there_already = rsp > low && rsp - low <= alternate.ss_size;
  if ((action.sa_flags & SA_ONSTACK) && usable && !there_already) return low + alternate.ss_size;
  return rsp - kRedZone;
}

}  // namespace

// softsgx_restorer has the bytes by which unwinders know a signal frame.
extern "C" void softsgx_restorer();
asm(R"(
  .pushsection .text
  .globl softsgx_restorer
  .hidden softsgx_restorer
  .type softsgx_restorer, @function
  nop
softsgx_restorer:
  .byte 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00  # mov $15, %rax
  syscall
  .popsection
)");

bool deliver(int number, const siginfo_t& info, ucontext_t& context, const struct sigaction& action,
             const stack_t& alternate, std::uint64_t open) {
  auto* registers = context.uc_mcontext.gregs;
  std::uint64_t top = top_of(context, action, alternate);
  ucontext_t copy;
  std::memcpy(&copy, &context, kContextSize);
  if (context.uc_mcontext.fpregs != nullptr) {
    const std::size_t size = extended_size(context.uc_mcontext.fpregs);
    top = (top - size) & ~(kFpAlignment - 1);
    if (!copy_user(reinterpret_cast<void*>(top), context.uc_mcontext.fpregs, size)) return false;
    copy.uc_mcontext.fpregs = reinterpret_cast<fpregset_t>(top);
  }
  top = ((top - sizeof(Frame)) & ~std::uint64_t{15}) - sizeof(std::uint64_t);
  Frame frame{.restorer = &softsgx_restorer, .context = {}, .info = info};
  std::memcpy(frame.context, &copy, kContextSize);
  if (!copy_user(reinterpret_cast<void*>(top), &frame, sizeof frame)) return false;

  registers[REG_RIP] = reinterpret_cast<long long>(action.sa_sigaction);
  registers[REG_RSP] = static_cast<long long>(top);
  registers[REG_RDI] = number;
  registers[REG_RSI] = static_cast<long long>(top + offsetof(Frame, info));
  registers[REG_RDX] = static_cast<long long>(top + offsetof(Frame, context));
  registers[REG_RAX] = 0;
  registers[REG_EFL] &= ~kFlagsCleared;
  std::uint64_t mask = 0, extra = 0;
  std::memcpy(&mask, &context.uc_sigmask, sizeof mask);
  std::memcpy(&extra, &action.sa_mask, sizeof extra);
  mask |= extra;
  if (!(action.sa_flags & SA_NODEFER)) mask |= std::uint64_t{1} << (number - 1);
  mask &= ~open;
  std::memcpy(&context.uc_sigmask, &mask, sizeof mask);
  return true;
}

}  // namespace clemmys::softsgx
