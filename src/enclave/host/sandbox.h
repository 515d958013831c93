// sandbox.h: what a host process may still do once its enclave is loaded. The provider does not trust
// functions: an enclave can reach all memory of its process and leave to any address in it, so the process
// itself must be harmless. Cannot be undone; holds for all threads made later.
#pragma once

#include "base/result.h"

namespace clemmys::enclave {

struct SandboxTerms {
  bool network = false;  // sockets beyond Unix ones (the quoting service, the link)
  bool files = false;    // paths
};

// confine: no new privileges, no core dumps, and a system call filter (seccomp) of what serve.cc and the
// platform need; everything else is EPERM. No program is ever started. Call before any other thread exists.
Status confine(const SandboxTerms& terms);

}  // namespace clemmys::enclave
