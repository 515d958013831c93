// signals.h: the traps of the emulated processor. SIGILL, SIGSEGV and SIGTRAP carry ENCLU, SIGSYS a system
// call from inside, the rest are exceptions. A fault that is not an enclave's goes to the handler that was
// installed before.
#pragma once

#include "base/result.h"

namespace clemmys::softsgx {

// install_signal_handlers takes the synchronous signals, once per process, and wraps the handlers that the
// program has for other signals, so that one arriving while its thread is inside runs with the host's FS base
// on the signal stack.
Status install_signal_handlers();

// wrap_host_handlers does the second half again: call it after installing a handler later than the first
// enclave.
void wrap_host_handlers();

}  // namespace clemmys::softsgx
