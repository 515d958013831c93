// prctl: what an enclave can keep to. A thread's name is kept inside. Nothing is executed and no memory is
// dumped, so to forbid either is done already. Everything else is refused as by a Linux that does not know
// it.
#include <linux/prctl.h>

#include "shield/calls.h"
#include "shield/memory.h"

namespace clemmys::shield {
namespace {

int64_t set_name(char (&name)[kThreadNameSize], uint64_t address) {
  char text[kThreadNameSize] = {};
  for (uint64_t i = 0; i + 1 < sizeof text; ++i) {
    if (!program_range(address + i, 1)) return -EFAULT;
    text[i] = reinterpret_cast<const char*>(address)[i];
    if (text[i] == 0) break;
  }
  memcpy(name, text, sizeof text);
  return 0;
}

}  // namespace

int64_t call_prctl(uint64_t option, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4) {
  switch (option) {
    case PR_SET_NAME:
      return set_name(self().name, a1);
    case PR_GET_NAME:
      if (!program_range(a1, kThreadNameSize)) return -EFAULT;
      memcpy(reinterpret_cast<void*>(a1), self().name, kThreadNameSize);
      return 0;
    case PR_SET_NO_NEW_PRIVS:
      return a1 == 1 && a2 == 0 && a3 == 0 && a4 == 0 ? 0 : -EINVAL;
    case PR_GET_NO_NEW_PRIVS:
      return a1 == 0 && a2 == 0 && a3 == 0 && a4 == 0 ? 1 : -EINVAL;
    case PR_SET_DUMPABLE:
      return a1 == 0 ? 0 : -EINVAL;
    case PR_GET_DUMPABLE:
      return 0;
    default:
      return -EINVAL;
  }
}

}  // namespace clemmys::shield
