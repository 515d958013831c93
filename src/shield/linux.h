// linux.h: numbers of the Linux system call interface (x86-64), from the kernel's own user headers.
#pragma once

#include <asm/errno.h>
#include <asm/unistd_64.h>
#include <stddef.h>
#include <stdint.h>

namespace clemmys::shield {

inline constexpr int64_t kErrnoMax = 4095;

struct Timespec {
  int64_t seconds, nanoseconds;
};
struct Iovec {
  uint64_t base, size;
};
inline constexpr uint64_t kIovecCountMax = 1024;

}  // namespace clemmys::shield
