// host_access.h: host code that touches enclave memory, and host memory that the emulated kernel touches.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>

namespace clemmys::softsgx {

// copy_user copies between our memory and memory that the program named, which may be anything. False: some
// of it cannot be accessed (EFAULT). Needs install_signal_handlers.
bool copy_user(void* to, const void* from, std::size_t size);

// fix_user_copy makes a copy_user whose access faulted return false. False: the fault was another's.
bool fix_user_copy(ucontext_t& context);

// HostFault is what a fault of host code in an enclave's range comes to.
enum class HostFault : std::uint8_t {
  kElsewhere,   // not in any enclave, or as the signal says
  kContinue,    // the instruction runs (again)
  kNotMapped,   // SIGSEGV, SEGV_MAPERR
  kNotAllowed,  // SIGSEGV, SEGV_ACCERR
};
// touch_enclave does what the kernel's page fault handler does. A page that is absent is added (EAUG); the
// instruction then runs on the abort page: it reads 0xFF, and what it writes is lost.
HostFault touch_enclave(std::uint64_t address, bool write, ucontext_t& context);

// end_touch takes the abort page away again after the one instruction. False: the trap was another's.
bool end_touch(ucontext_t& context);

}  // namespace clemmys::softsgx
