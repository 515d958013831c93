#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace clemmys {

void check_failed(const char* file, int line) {
  std::fprintf(stderr, "CHECK failed at %s:%d\n", file, line);
  std::abort();
}

}  // namespace clemmys
