// The exception handler: one AEX of the thread lies in SSA frame 0. A page of the dynamic range is brought
// in; `syscall` and `cpuid` are emulated by editing the frame, so that ERESUME continues as if the
// instruction had worked; anything else ends the process with a word about where. Runs at level 1, on its own
// stack.
#include <asm/signal.h>
#include <linux/mman.h>

#include "shield/calls.h"
#include "shield/cpuid.h"
#include "shield/host.h"
#include "shield/permissions.h"
#include "shield/signals.h"

namespace clemmys::shield {
namespace {

constexpr uint16_t kSyscallBytes = 0x050f, kUd2Bytes = 0x0b0f, kCpuidBytes = 0xa20f;

bool in_program(uint64_t address) {
  const uint64_t begin = enclave_base() + layout().program_base;
  return address >= begin && address < begin + layout().program_size;
}

// is_enclu: the shield's own code at `rip`, as it was measured; software SGX writes INT3 (0xcc) over the
// first byte of an ENCLU that has run.
bool is_enclu(uint64_t rip) {
  const auto* code = reinterpret_cast<const uint8_t*>(rip);
  return (code[0] == 0x0f || code[0] == 0xcc) && code[1] == 0x01 && code[2] == 0xd7;
}

// in_image: the shield's own part of it, before the program.
bool in_image(uint64_t address) {
  return address >= enclave_base() && address < enclave_base() + layout().program_base;
}

// is_code: the program's, or that of a file of the image which it has mapped.
bool is_code(uint64_t address) { return in_program(address) || permitted(address, PROT_EXEC); }

bool is_cpuid_site(uint64_t address) {
  const auto* sites = reinterpret_cast<const uint64_t*>(enclave_base() + layout().cpuid_sites);
  uint64_t low = 0, high = layout().cpuid_count;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (sites[middle] < address - enclave_base())
      low = middle + 1;
    else
      high = middle;
  }
  return low < layout().cpuid_count && sites[low] == address - enclave_base();
}

bool emulate(sgx::GprSgx& state) {
  const uint64_t rip = state.rip;
  if (!is_code(rip) || !is_code(rip + 1)) return false;
  const uint16_t code = *reinterpret_cast<const uint16_t*>(rip);
  if (code == kSyscallBytes) {  // as SYSCALL: the entry stub does the rest at level 0
    state.rcx = rip + 2;
    state.r11 = state.rflags;
    state.rip = reinterpret_cast<uint64_t>(&shield_syscall_entry);
    return true;
  }
  if (code == kCpuidBytes || (code == kUd2Bytes && is_cpuid_site(rip))) {  // the packer may have missed one
    const CpuidAnswer answer = cpuid(static_cast<uint32_t>(state.rax), static_cast<uint32_t>(state.rcx));
    state.rax = answer.eax;
    state.rbx = answer.ebx;
    state.rcx = answer.ecx;
    state.rdx = answer.edx;
    state.rip = rip + 2;
    return true;
  }
  return false;
}

// signal_of is what Linux sends for an exception of a program (arch/x86/kernel/traps.c, mm/fault.c).
SignalInfo signal_of(uint8_t vector, uint32_t error, uint64_t rip, uint64_t address) {
  constexpr int32_t kKernel = 0x80;  // SI_KERNEL
  switch (static_cast<sgx::Vector>(vector)) {
    case sgx::Vector::kDivide:
      return {SIGFPE, 0, 1, 0, rip};  // FPE_INTDIV
    case sgx::Vector::kFloatingPoint:
    case sgx::Vector::kSimd:
      return {SIGFPE, 0, 7, 0, rip};  // FPE_FLTINV
    case sgx::Vector::kInvalidOpcode:
      return {SIGILL, 0, 2, 0, rip};  // ILL_ILLOPN
    case sgx::Vector::kDebug:
    case sgx::Vector::kBreakpoint:
      return {SIGTRAP, 0, kKernel, 0, 0};
    case sgx::Vector::kAlignment:
      return {SIGBUS, 0, 1, 0, address};  // BUS_ADRALN
    case sgx::Vector::kPageFault:
      return {SIGSEGV, 0, (error & sgx::kPfPresent) != 0 ? 2 : 1, 0, address};  // SEGV_ACCERR, SEGV_MAPERR
    default:
      return {SIGSEGV, 0, kKernel, 0, 0};
  }
}

[[noreturn]] void report(uint32_t vector, uint64_t rip, uint64_t address, bool shield, uint64_t signal) {
  say(shield ? "fault inside the shield, vector" : "the program faulted, vector", vector);
  say("  at offset", rip - enclave_base());
  if (!shield) say("  in the program, at its address", rip - enclave_base() - layout().program_base);
  say("  touching", address);
  if (shield) panic("exception.shield");
  end_by_signal(signal, vector == 14 ? "exception.page_fault" : "exception.program");
}

}  // namespace

extern "C" void shield_exception(Thread* thread) {
  const uint64_t frame_end = slot_address(thread->index) + (kSlotSsaPage + kSsaFrameSizePages) * kPageSize;
  auto& state = *reinterpret_cast<sgx::GprSgx*>(frame_end - sizeof(sgx::GprSgx));
  const auto& info =
      *reinterpret_cast<const sgx::ExInfo*>(frame_end - sizeof(sgx::GprSgx) - sizeof(sgx::ExInfo));
  const uint32_t exitinfo = state.exitinfo;
  state.exitinfo = 0;                                 // handled once, whatever the host does next
  if ((exitinfo & sgx::kExitInfoValid) == 0) return;  // an interrupt
  const uint8_t vector = sgx::exitinfo_vector(exitinfo);
  const bool page_fault = vector == static_cast<uint8_t>(sgx::Vector::kPageFault);
  // EACCEPT of a page that the host says it added: the shield holds the lock that handling would need.
  const bool in_shield = !in_program(state.rip) && in_image(state.rip);
  if (page_fault && in_shield && is_enclu(state.rip)) panic("pages.absent");
  const uint64_t access = (info.errcd & sgx::kPfFetch) != 0   ? PROT_EXEC
                          : (info.errcd & sgx::kPfWrite) != 0 ? PROT_WRITE
                                                              : PROT_READ;
  if (page_fault && handle_page_fault(*thread, info.maddr, access)) return;
  if (vector == static_cast<uint8_t>(sgx::Vector::kInvalidOpcode) && emulate(state)) return;
  uint8_t* xsave = reinterpret_cast<uint8_t*>(frame_end - kSsaFrameSizePages * kPageSize);
  if (is_signal_return(state.rip)) return restore_from_frame(*thread, state, xsave);
  const SignalInfo signal = signal_of(vector, info.errcd, state.rip, page_fault ? info.maddr : 0);
  if (!in_shield && deliver_fault(*thread, state, xsave, signal)) return;
  report(vector, state.rip, page_fault ? info.maddr : 0, in_shield, static_cast<uint64_t>(signal.signal));
}

}  // namespace clemmys::shield
