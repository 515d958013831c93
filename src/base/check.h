// check.h: CHECK(condition) stops the program when one of our own invariants is broken. It stays on in
// release builds and prints no data: only the place. Never use it for input from outside.
#pragma once

namespace clemmys {
[[noreturn]] void check_failed(const char* file, int line);
}  // namespace clemmys

#define CHECK(condition)                                \
  do {                                                  \
    if (!(condition)) [[unlikely]]                      \
      ::clemmys::check_failed(__FILE_NAME__, __LINE__); \
  } while (false)
