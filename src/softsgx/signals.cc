#include "softsgx/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "softsgx/leaves.h"
#include "softsgx/state.h"

namespace clemmys::softsgx {
namespace {

constexpr std::uint8_t kInt3 = 0xcc;
constexpr std::array kOwnSignals = {SIGILL, SIGTRAP, SIGSYS, SIGSEGV, SIGBUS, SIGFPE};
constexpr std::uint16_t kVectorBreakpoint = 3, kVectorInvalidOpcode = 6, kVectorGeneralProtection = 13,
                        kVectorPageFault = 14;

std::mutex installing;
std::array<struct sigaction, NSIG> previous{};
int memory_fd = -1;  // /proc/self/mem: writes one byte into an executable page

bool is_entry(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) &&
         reinterpret_cast<void*>(action.sa_sigaction) == reinterpret_cast<void*>(&softsgx_signal_entry);
}

bool take(int number, int flags) {
  struct sigaction old{}, action{};
  if (::sigaction(number, nullptr, &old) != 0) return false;
  if (is_entry(old)) return true;
  previous[static_cast<std::size_t>(number)] = old;
  action.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(&softsgx_signal_entry);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
  ::sigfillset(&action.sa_mask);
  return ::sigaction(number, &action, nullptr) == 0;
}

// forward hands a signal that is not an enclave's to the handler that was there before.
void forward(int number, siginfo_t* info, ucontext_t* context) {
  const struct sigaction& old = previous[static_cast<std::size_t>(number)];
  if (old.sa_flags & SA_SIGINFO) return old.sa_sigaction(number, info, context);
  if (old.sa_handler == SIG_IGN && info->si_code <= 0) return;
  if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(number);
  ::signal(number, SIG_DFL);  // and again: a fault repeats by itself, a sent signal is sent again
  if (info->si_code <= 0 || number == SIGSYS || number == SIGTRAP) ::raise(number);
}

// is_enclu: the bytes at an address that just raised #UD or #GP. One by one: the next page may be absent.
// Another thread may have put INT3 there since this one trapped: then the table knows the site.
bool is_enclu(const State& state, std::uint64_t address) {
  if (state.enclu_sites.contains(address)) return true;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(address);
  return state.contains(address) && state.contains(address + 2) && bytes[0] == sgx::kEncluBytes[0] &&
         bytes[1] == sgx::kEncluBytes[1] && bytes[2] == sgx::kEncluBytes[2];
}

// shorten_trap makes ENCLU begin with INT3 from now on: 1.75 µs for a trap instead of 7.4. The trap has shown
// that an instruction begins here; the measurement has been taken; a page that is writable is left alone.
void shorten_trap(State& state, std::uint64_t address) {
  if (memory_fd < 0 || state.epcm.load(state.page_of(address)).any(sgx::kSecinfoWrite) ||
      !state.enclu_sites.insert(address))
    return;
  (void)!::pwrite(memory_fd, &kInt3, 1, static_cast<off_t>(address));
}

struct Trap {
  bool enclu = false;
  Fault fault{};
};

// trap_of says what stopped the enclave. May set RIP back to the instruction.
Trap trap_of(State& state, int number, ucontext_t& context) {
  auto* registers = context.uc_mcontext.gregs;
  const auto rip = static_cast<std::uint64_t>(registers[REG_RIP]);
  const auto vector = static_cast<std::uint16_t>(registers[REG_TRAPNO]);
  const auto code = static_cast<std::uint16_t>(registers[REG_ERR]);
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
  if (vector != kVectorPageFault) return {.fault = {vector, number == SIGSEGV ? code : std::uint16_t{0}, 0}};

  const auto address = static_cast<std::uint64_t>(registers[REG_CR2]);
  std::uint32_t error = code;
  if (state.contains(address)) {
    state.serve_fault(state.page_of(address));
    if (number == SIGBUS) error |= sgx::kPfPresent | sgx::kPfSgx;
  }
  return {.fault = {vector, static_cast<std::uint16_t>(error), address}};
}

}  // namespace

extern "C" std::uint64_t softsgx_signal(int number, siginfo_t* info, ucontext_t* context, Control* control,
                                        std::uint64_t fs) {
  const int saved_errno = errno;
  constexpr int kSysUserDispatch = 2;  // not seccomp's
  const bool raised = info->si_code > 0 && (number != SIGSYS || info->si_code == kSysUserDispatch);
  const bool mine = control != nullptr && control->inside != nullptr && raised;
  bool own = false;
  for (const int signal : kOwnSignals) own |= signal == number;
  if (!mine || !own) {
    forward(number, info, context);
    errno = saved_errno;
    return fs;
  }
  const Trap trap = trap_of(*control->inside, number, *context);
  std::optional<Fault> fault = trap.fault;
  if (trap.enclu) fault = run_leaf(*control, *context);
  if (fault) {
    control->vector = fault->vector;
    control->error_code = fault->error_code;
    control->address = fault->address;
    save_state(*control, *context, fs);
  }
  errno = saved_errno;
  return control->inside == nullptr ? control->host_fs : fs;
}

void wrap_host_handlers() {
  const std::scoped_lock guard(installing);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction old{};
    if (::sigaction(number, nullptr, &old) != 0) continue;  // the two that the C library keeps to itself
    if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) take(number, old.sa_flags & SA_RESTART);
  }
}

Status install_signal_handlers() {
  {
    const std::scoped_lock guard(installing);
    if (memory_fd < 0) memory_fd = ::open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    for (const int number : kOwnSignals)
      if (!take(number, 0))
        return Error{ErrorCode::kInternal, "softsgx.signals.install", std::strerror(errno)};
  }
  wrap_host_handlers();
  return {};
}

}  // namespace clemmys::softsgx
