// own_calls.h: system calls that a program makes by instructions of its own. Those that its functions of the
// C library serve here are served; all others are the kernel's.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <vector>

namespace clemmys::softsgx {

// intercept_own_calls replaces the instructions at these addresses (sorted) by ones that trap; own_call_trap
// sees to one when `context` has trapped for it.
void intercept_own_calls(const std::vector<std::uint64_t>& sites);
bool own_call_trap(int number, ucontext_t& context);

}  // namespace clemmys::softsgx
