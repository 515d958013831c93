// Delivery: the frame on the program's stack that Linux would build (arch/x86: struct rt_sigframe), and the
// way back from it. A frame is built from the registers of a system call or from an SSA frame; going back
// always goes through the exception handler, which alone can put every register back (ERESUME).
#include <asm/sigcontext.h>
#include <asm/signal.h>
#include <linux/mman.h>

#include "shield/calls.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/permissions.h"
#include "shield/signals.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kXsaveSize = sizeof Thread::xsave, kRedZone = 128, kInfoSize = 128;
constexpr uint64_t kUserFlags = 0x40cd5;              // CF PF AF ZF SF DF OF AC: what a program may set
constexpr uint64_t kFixedFlags = 0x202;               // and what always is: IF and the reserved bit
constexpr uint64_t kHandlerClears = 0x400 | 0x40000;  // DF, AC

struct Frame {
  uint64_t restorer;  // where the handler's `ret` goes
  uint64_t flags, link, stack, stack_flags, stack_size;
  sigcontext_64 context;
  uint64_t mask;
  uint8_t info[kInfoSize];
};
static_assert(sizeof(sigcontext_64) == 256);

bool writable(Thread& thread, uint64_t begin, uint64_t end) {
  for (uint64_t page = begin & ~(kPageSize - 1); page < end; page += kPageSize) {
    if (permitted(page, PROT_WRITE)) continue;
    if (!handle_page_fault(thread, page, PROT_WRITE)) return false;
  }
  return true;
}

uint64_t stack_of(const Thread& thread, const SignalAction& action, uint64_t rsp) {
  const uint64_t begin = thread.signal_stack, end = begin + thread.signal_stack_size;
  const bool on_it = rsp > begin && rsp <= end;
  return (action.flags & SA_ONSTACK) != 0 && thread.signal_stack_size != 0 && !on_it ? end : rsp - kRedZone;
}

// push_frame puts the frame and `fill`'s 832 bytes of extended state below `rsp`. Returns the frame's
// address; 0: there is no stack for it.
template <typename Fill>
uint64_t push_frame(Thread& thread, const SignalAction& action, const sigcontext_64& context,
                    const SignalInfo& info, Fill fill) {
  const uint64_t state = (stack_of(thread, action, context.sp) - kXsaveSize) & ~63ull;
  const uint64_t place = ((state - sizeof(Frame)) & ~15ull) - 8;  // at entry rsp + 8 is a multiple of 16
  if (!program_range(place, state + kXsaveSize - place) || !writable(thread, place, state + kXsaveSize))
    return 0;
  fill(reinterpret_cast<uint8_t*>(state));
  Frame frame{.restorer = action.restorer, .stack = thread.signal_stack, .context = context};
  frame.stack_size = thread.signal_stack_size;
  frame.stack_flags = thread.signal_stack_size == 0 ? kStackDisabled : 0;
  frame.context.fpstate = state;
  frame.mask = thread.signal_mask;
  memcpy(frame.info, &info, sizeof info);
  memcpy(reinterpret_cast<void*>(place), &frame, sizeof frame);
  const uint64_t itself =
      (action.flags & SA_NODEFER) != 0 ? 0 : signal_bit(static_cast<uint64_t>(info.signal));
  thread.signal_mask |= action.mask | itself;
  return place;
}

bool is_ignored_by_default(uint64_t signal) {
  return signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT ||
         signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// take_waiting takes the lowest signal that may be delivered now; 0: none.
uint64_t take_waiting(Thread& thread) {
  uint64_t* const queues[] = {&thread.signals, &process_signals};
  for (uint64_t* queue : queues) {
    const uint64_t waiting = __atomic_load_n(queue, __ATOMIC_SEQ_CST) & ~thread.signal_mask;
    if (waiting == 0) continue;
    const uint64_t bit = waiting & (~waiting + 1);
    if ((__atomic_fetch_and(queue, ~bit, __ATOMIC_SEQ_CST) & bit) == 0) continue;  // another thread took it
    return static_cast<uint64_t>(__builtin_ctzll(bit)) + 1;
  }
  return 0;
}

void save_extended_state(uint8_t* to) {
  memset(to, 0, kXsaveSize);
  asm volatile("xsave (%0)" ::"r"(to), "a"(static_cast<uint32_t>(kXfrm)), "d"(0) : "memory");
}

void enter_handler(Registers& r, const SignalAction& action, uint64_t signal, uint64_t frame) {
  r.rdi = signal;
  r.rsi = frame + offsetof(Frame, info);
  r.rdx = frame + offsetof(Frame, flags);
  r.rax = 0;
  r.rsp = frame;
  r.rip = action.handler;
  r.rflags &= ~kHandlerClears;
}

}  // namespace

void end_by_signal(uint64_t signal, const char* site) {
  Thread& thread = self();
  const uint64_t size = strlen(site);
  copy_out(thread.bounce_address, site, size);
  volatile HostCall& block = thread.host->call;
  block.number = static_cast<uint64_t>(OwnCall::kKilled);
  block.arguments[0] = signal;
  block.arguments[1] = thread.bounce_address;
  block.arguments[2] = size;
  shield_exit_final(ExitReason::kProcessDone);
}

void deliver_signals(Registers& r) {
  Thread& thread = self();
  while (const uint64_t signal = take_waiting(thread)) {
    const SignalAction action = take_action(signal);
    if (action.handler == kHandlerIgnore) continue;
    if (action.handler == kHandlerDefault) {
      if (is_ignored_by_default(signal)) continue;
      end_by_signal(signal, "signal.sent");
    }
    const sigcontext_64 context{.r8 = r.r8,
                                .r9 = r.r9,
                                .r10 = r.r10,
                                .r11 = r.rflags,
                                .r12 = r.r12,
                                .r13 = r.r13,
                                .r14 = r.r14,
                                .r15 = r.r15,
                                .di = r.rdi,
                                .si = r.rsi,
                                .bp = r.rbp,
                                .bx = r.rbx,
                                .dx = r.rdx,
                                .ax = r.rax,
                                .cx = r.rip,
                                .sp = r.rsp,
                                .ip = r.rip,
                                .flags = r.rflags};
    const SignalInfo info{
        .signal = static_cast<int32_t>(signal), .code = -6, .address = kProcessId};  // SI_TKILL
    const uint64_t frame = push_frame(thread, action, context, info, save_extended_state);
    if (frame == 0) end_by_signal(SIGSEGV, "signal.stack");
    enter_handler(r, action, signal, frame);
  }
}

bool deliver_fault(Thread& thread, sgx::GprSgx& s, uint8_t* xsave, const SignalInfo& info) {
  const auto signal = static_cast<uint64_t>(info.signal);
  if ((thread.signal_mask & signal_bit(signal)) != 0) return false;
  const SignalAction action = take_action(signal);
  if (action.handler == kHandlerDefault || action.handler == kHandlerIgnore) return false;
  const sigcontext_64 context{.r8 = s.r8,
                              .r9 = s.r9,
                              .r10 = s.r10,
                              .r11 = s.r11,
                              .r12 = s.r12,
                              .r13 = s.r13,
                              .r14 = s.r14,
                              .r15 = s.r15,
                              .di = s.rdi,
                              .si = s.rsi,
                              .bp = s.rbp,
                              .bx = s.rbx,
                              .dx = s.rdx,
                              .ax = s.rax,
                              .cx = s.rcx,
                              .sp = s.rsp,
                              .ip = s.rip,
                              .flags = s.rflags,
                              .cr2 = info.address};
  const uint64_t frame =
      push_frame(thread, action, context, info, [xsave](uint8_t* to) { memcpy(to, xsave, kXsaveSize); });
  if (frame == 0) return false;
  Registers r{};
  r.rflags = s.rflags;
  enter_handler(r, action, signal, frame);
  s.rdi = r.rdi, s.rsi = r.rsi, s.rdx = r.rdx, s.rax = r.rax, s.rsp = r.rsp, s.rip = r.rip,
  s.rflags = r.rflags;
  return true;
}

// shield_signal_return is the one instruction of the shield that traps on purpose; rdi is the frame.
asm(R"(
  .text
  .globl shield_signal_return
  .hidden shield_signal_return
shield_signal_return:
  ud2
)");
extern "C" [[gnu::visibility("hidden")]] [[noreturn]] void shield_signal_return(uint64_t frame);

void return_from_signal(const Registers& registers) {
  const uint64_t frame = registers.rsp - sizeof(uint64_t);  // `ret` took the restorer's address
  if (!program_range(frame, sizeof(Frame))) end_by_signal(SIGSEGV, "signal.frame");
  self().signal_mask =
      reinterpret_cast<const Frame*>(frame)->mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
  shield_signal_return(frame);
}

bool is_signal_return(uint64_t address) {
  return address == reinterpret_cast<uint64_t>(&shield_signal_return);
}

void restore_from_frame(Thread&, sgx::GprSgx& s, uint8_t* xsave) {
  constexpr uint64_t kMxcsr = 24, kMxcsrMask = 28, kXstateBv = 512, kHeaderSize = 64;
  const sigcontext_64 c = reinterpret_cast<const Frame*>(s.rdi)->context;
  s.r8 = c.r8, s.r9 = c.r9, s.r10 = c.r10, s.r11 = c.r11, s.r12 = c.r12, s.r13 = c.r13, s.r14 = c.r14;
  s.r15 = c.r15, s.rdi = c.di, s.rsi = c.si, s.rbp = c.bp, s.rbx = c.bx, s.rdx = c.dx, s.rax = c.ax;
  s.rcx = c.cx, s.rsp = c.sp, s.rip = c.ip, s.rflags = (c.flags & kUserFlags) | kFixedFlags;
  if (!program_range(c.fpstate, kXsaveSize)) return;
  uint32_t mask;
  memcpy(&mask, xsave + kMxcsrMask, sizeof mask);
  memcpy(xsave, reinterpret_cast<const void*>(c.fpstate), kXsaveSize);
  // A header or MXCSR with reserved bits would make ERESUME fault.
  uint64_t present;
  memcpy(&present, xsave + kXstateBv, sizeof present);
  memset(xsave + kXstateBv, 0, kHeaderSize);
  present &= kXfrm;
  memcpy(xsave + kXstateBv, &present, sizeof present);
  uint32_t mxcsr;
  memcpy(&mxcsr, xsave + kMxcsr, sizeof mxcsr);
  mxcsr &= mask != 0 ? mask : 0xffbf;
  memcpy(xsave + kMxcsr, &mxcsr, sizeof mxcsr);
}

}  // namespace clemmys::shield
