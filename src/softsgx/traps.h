// traps.h: what a host program may add to the handling of traps.
#pragma once

#include <ucontext.h>

namespace clemmys::softsgx {

// HostTrap handles a synchronous signal of host code; true: done, the program goes on as `context` says.
using HostTrap = bool (*)(int number, ucontext_t& context);
void set_host_trap(HostTrap trap);

}  // namespace clemmys::softsgx
