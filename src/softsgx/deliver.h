// deliver.h: calls a program's signal handler as the kernel does. Internal to softsgx.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include <cstdint>

namespace clemmys::softsgx {

// deliver makes `context` continue in the handler, with a signal frame of its own on the program's stack, or
// on its alternate one where the handler asks for that; the handler's return restores what was interrupted.
// The caller runs on another stack than both. `open` are signals that stay unblocked whatever the handler
// wants. False: there is no room for the frame.
bool deliver(int number, const siginfo_t& info, ucontext_t& context, const struct sigaction& action,
             const stack_t& alternate, std::uint64_t open);

}  // namespace clemmys::softsgx
