// call_names.h: the names of Linux's system calls, for messages to people. The list is made from the kernel's
// own header when the build is configured (CMakeLists.txt): names in the order of their numbers, each ended
// by NUL; a number without a call has an empty name.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

inline constexpr char kCallNames[] =
#include "shield/call_names.inc"
    ;

// call_name of a number that no kernel header names is "unknown".
constexpr const char* call_name(uint64_t number) {
  const char* at = kCallNames;
  for (const char* end = kCallNames + sizeof kCallNames - 1; at < end; --number) {
    if (number == 0) return *at != 0 ? at : "unknown";
    while (*at != 0) ++at;
    ++at;
  }
  return "unknown";
}

}  // namespace clemmys::shield
