// traps.cc: the traps of the emulated processor: from a signal to a leaf function, an exception inside, or
// the program's own handler.
#include "softsgx/traps.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "softsgx/host_access.h"
#include "softsgx/host_entry.h"
#include "softsgx/illegal.h"
#include "softsgx/leaves.h"
#include "softsgx/signals.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

constexpr std::uint8_t kInt3 = 0xcc;
constexpr std::array kFaultSignals = {SIGILL, SIGTRAP, SIGSYS, SIGSEGV, SIGBUS, SIGFPE};
constexpr std::uint16_t kVectorDebug = 1, kVectorBreakpoint = 3, kVectorInvalidOpcode = 6,
                        kVectorGeneralProtection = 13, kVectorPageFault = 14;

std::atomic<HostTrap> host_trap{nullptr};

bool enclu_bytes(std::uint64_t address) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(address);
  return bytes[0] == sgx::kEncluBytes[0] && bytes[1] == sgx::kEncluBytes[1] &&
         bytes[2] == sgx::kEncluBytes[2];
}

// is_enclu: the bytes at an address that just raised #UD or #GP. One by one: the next page may be absent.
// Another thread may have put INT3 there since this one trapped: then the table knows the site.
bool is_enclu(const State& state, std::uint64_t address) {
  if (state.enclu_sites.contains(address)) return true;
  return state.contains(address) && state.contains(address + 2) && enclu_bytes(address);
}

// shorten_trap makes ENCLU begin with INT3 from now on: 1.75 µs for a trap instead of 7.4. The trap has shown
// that an instruction begins here; the measurement has been taken; a page that is writable is left alone.
void shorten_trap(State& state, std::uint64_t address) {
  if (state.epcm.load(state.page_of(address)).any(sgx::kSecinfoWrite) || !state.enclu_sites.insert(address))
    return;
  (void)write_executable(address, kInt3);
}

// is_illegal looks at the instruction as far as its page goes: a longer one has shown its opcode by then.
bool is_illegal(const State& state, std::uint64_t address) {
  constexpr std::uint64_t kInstructionMax = 15;
  std::uint8_t code[kInstructionMax] = {};
  const std::uint64_t size = std::min(kInstructionMax, sgx::kPageSize - address % sgx::kPageSize);
  return state.contains(address) && read_memory(address, code, size) && illegal_inside({code, size});
}

struct Trap {
  bool enclu = false;
  bool served = false;  // the kernel's page fault handler has mended it: the instruction runs again
  Fault fault{};
};

// bring_back serves a fault on a page that is, or for a moment was, out of the page cache.
bool bring_back(State& state, std::uint64_t address, std::uint16_t code) {
  if (!epc_limited() || !state.contains(address)) return false;
  const std::uint64_t page = state.page_of(address);
  const std::uint16_t needed = code & sgx::kPfFetch   ? sgx::kSecinfoExecute
                               : code & sgx::kPfWrite ? sgx::kSecinfoWrite
                                                      : sgx::kSecinfoRead;
  const int mapping = code & sgx::kPfFetch ? PROT_EXEC : code & sgx::kPfWrite ? PROT_WRITE : PROT_READ;
  if (!state.mappings.allows(page * sgx::kPageSize, mapping) || !epc_load(state, page) ||
      !state.epcm.load(page).usable(needed))
    return false;
  for (const Event event : {Event::kPageFault, Event::kAex, Event::kEresume}) state.count(event);
  return true;
}

// page_fault is the error code of an access that the memory refused: by the host's mapping, or by the EPCM.
// An absent page is added first, as the Linux driver does (EAUG); the access then meets a PENDING page.
Fault page_fault(State& state, std::uint64_t address, std::uint16_t code) {
  const std::uint64_t page = state.page_of(address);
  const Mappings::Run run = state.mappings.run(page * sgx::kPageSize);
  const auto kind = static_cast<std::uint16_t>((code & (sgx::kPfWrite | sgx::kPfFetch)) | sgx::kPfUser);
  const int needed = code & sgx::kPfFetch   ? PROT_EXEC
                     : code & sgx::kPfWrite ? PROT_WRITE
                                            : PROT_READ | PROT_WRITE | PROT_EXEC;
  if (!(run.protection & needed)) {
    const bool present = run.mapped && state.epcm.load(page).valid();
    return {kVectorPageFault, static_cast<std::uint16_t>(kind | (present ? sgx::kPfPresent : 0)), address};
  }
  state.serve_fault(page);
  return {kVectorPageFault, static_cast<std::uint16_t>(kind | sgx::kPfPresent | sgx::kPfSgx), address};
}

// trap_of says what stopped the enclave. May set RIP back to the instruction.
Trap trap_of(State& state, int number, ucontext_t& context) {
  auto* registers = context.uc_mcontext.gregs;
  const auto rip = static_cast<std::uint64_t>(registers[REG_RIP]);
  const auto vector = static_cast<std::uint16_t>(registers[REG_TRAPNO]);
  const auto code = static_cast<std::uint16_t>(registers[REG_ERR]);
  if (state.contains(rip)) (void)epc_load(state, state.page_of(rip));  // its bytes are looked at below
  if (number == SIGSYS) {
    registers[REG_RIP] -= 2;
    return {.fault = {kVectorInvalidOpcode, 0, 0}};
  }
  if (number == SIGTRAP && vector == kVectorBreakpoint && state.enclu_sites.contains(rip - 1)) {
    registers[REG_RIP] -= 1;
    return {.enclu = true};
  }
  // A processor without SGX answers ENCLU with #UD; one with SGX, outside any enclave, with #GP.
  // Its EENTER and ERESUME look at their operand first: #PF.
  const bool looked_at_operand = vector == kVectorPageFault && !(code & sgx::kPfFetch) &&
                                 (registers[REG_RAX] == 2 || registers[REG_RAX] == 3);
  if ((vector == kVectorInvalidOpcode || vector == kVectorGeneralProtection || looked_at_operand) &&
      is_enclu(state, rip)) {
    shorten_trap(state, rip);
    return {.enclu = true};
  }
  if (vector == kVectorGeneralProtection && is_illegal(state, rip))
    return {.fault = {kVectorInvalidOpcode, 0, 0}};
  if (vector != kVectorPageFault) return {.fault = {vector, number == SIGSEGV ? code : std::uint16_t{0}, 0}};
  const auto address = static_cast<std::uint64_t>(registers[REG_CR2]);
  if (bring_back(state, address, code)) return {.served = true};
  if (state.contains(address)) return {.fault = page_fault(state, address, code)};
  return {.fault = {vector, code, address}};
}

// report gives an exception of ENCLU in host code, or of the enclave that it entered, to the program: to the
// vDSO function where the kernel does (all but #DB and #BP), else as a signal.
void report(const Fault& fault, bool at_vdso, ucontext_t& context) {
  auto* registers = context.uc_mcontext.gregs;
  if (at_vdso && fault.vector != kVectorDebug && fault.vector != kVectorBreakpoint) {
    registers[REG_RIP] = static_cast<long long>(vdso_entry().exception);
    registers[REG_RDI] = fault.vector;
    registers[REG_RSI] = fault.error_code;
    registers[REG_RDX] = static_cast<long long>(fault.address);
    return;
  }
  siginfo_t info{};
  info.si_signo = SIGSEGV;
  info.si_code = fault.vector == kVectorPageFault ? int{SEGV_ACCERR} : int{SI_KERNEL};
  info.si_addr = reinterpret_cast<void*>(fault.address);
  switch (fault.vector) {
    case 0:
    case 16:
    case 19:
      info.si_signo = SIGFPE;
      info.si_code = fault.vector == 0 ? FPE_INTDIV : FPE_FLTUNK;
      break;
    case kVectorDebug:
    case kVectorBreakpoint:
      info.si_signo = SIGTRAP;
      info.si_code = fault.vector == kVectorDebug ? int{TRAP_TRACE} : int{SI_KERNEL};
      break;
    case kVectorInvalidOpcode:
      info.si_signo = SIGILL;
      info.si_code = ILL_ILLOPN;
      info.si_addr = reinterpret_cast<void*>(registers[REG_RIP]);
      break;
    case 17:
      info.si_signo = SIGBUS;
      info.si_code = BUS_ADRALN;
      break;
    default:
      break;
  }
  registers[REG_TRAPNO] = fault.vector;
  registers[REG_ERR] = fault.error_code;
  forward(info.si_signo, &info, &context, Default::kSend);
}

void leave_by_exception(Control& control, ucontext_t& context, std::uint64_t fs, const Fault& fault) {
  control.vector = fault.vector;
  control.error_code = fault.error_code;
  control.address = fault.address;
  save_state(control, context, fs);
}

// outside handles a synchronous signal of host code. False: it is the program's.
bool outside(int number, siginfo_t& info, ucontext_t& context, std::uint64_t& fs) {
  auto* registers = context.uc_mcontext.gregs;
  const auto rip = static_cast<std::uint64_t>(registers[REG_RIP]), enclu = vdso_entry().enclu;
  if (number == SIGTRAP && enclu != 0 && rip == enclu + 1) {
    registers[REG_RIP] = static_cast<long long>(enclu);
    if (const auto fault = host_enclu(context, kVdsoEncluSize, fs)) report(*fault, true, context);
    return true;
  }
  if (number == SIGTRAP && info.si_code == TRAP_TRACE && end_touch(context)) return true;
  if ((number == SIGILL || number == SIGSEGV) && registers[REG_TRAPNO] != kVectorPageFault &&
      enclu_bytes(rip)) {
    if (const auto fault = host_enclu(context, sizeof sgx::kEncluBytes, fs)) report(*fault, false, context);
    return true;
  }
  if (number == SIGSEGV || number == SIGBUS) {
    if (registers[REG_TRAPNO] == kVectorPageFault) {
      const bool write = registers[REG_ERR] & sgx::kPfWrite;
      const auto address = static_cast<std::uint64_t>(registers[REG_CR2]);
      const HostFault result = touch_enclave(address, write, context);
      if (result == HostFault::kContinue) return true;
      if (fix_user_copy(context)) return true;
      if (result != HostFault::kElsewhere) {
        info.si_signo = SIGSEGV;
        info.si_code = result == HostFault::kNotMapped ? SEGV_MAPERR : SEGV_ACCERR;
        info.si_addr = reinterpret_cast<void*>(address);
        forward(SIGSEGV, &info, &context, Default::kSend);
        return true;
      }
    } else if (fix_user_copy(context)) {
      return true;
    }
  }
  const HostTrap more = host_trap.load(std::memory_order_relaxed);
  return more != nullptr && more(number, context);
}

}  // namespace

void set_host_trap(HostTrap trap) { host_trap = trap; }

extern "C" std::uint64_t softsgx_signal(int number, siginfo_t* info, ucontext_t* context, Control* control,
                                        std::uint64_t fs) {
  const int saved_errno = errno;
  constexpr int kSysUserDispatch = 2;  // not seccomp's
  const bool fault = info->si_code > 0 && (number != SIGSYS || info->si_code == kSysUserDispatch) &&
                     std::ranges::find(kFaultSignals, number) != kFaultSignals.end();
  if (control == nullptr || control->inside == nullptr) {
    if (!fault || !outside(number, *info, *context, fs)) forward(number, info, context, Default::kRepeats);
  } else if (fault) {
    const bool by_enclu = control->aep != 0;
    std::optional<Fault> raised;
    {
      const PagingGuard guard;
      const Trap trap = trap_of(*control->inside, number, *context);
      if (trap.enclu)
        raised = run_leaf(*control, *context);
      else if (!trap.served)
        raised = trap.fault;
      if (raised) leave_by_exception(*control, *context, fs, *raised);
    }
    if (raised && by_enclu) {
      raised->address = control->address;
      report(*raised, control->aep == vdso_entry().enclu, *context);
    }
    if (control->inside == nullptr) fs = control->host_fs;
  } else {
    // A signal for the program. Entered by ENCLU, the thread leaves first, as any interrupt makes it; the
    // handler's return leads to the AEP.
    if (control->aep != 0) {
      leave_by_exception(*control, *context, fs, {kNoVector, 0, 0});
      fs = control->host_fs;
    }
    forward(number, info, context, Default::kRepeats);
  }
  errno = saved_errno;
  return fs;
}

}  // namespace clemmys::softsgx
