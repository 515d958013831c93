// sandbox.h: what a host process may still do once its enclave is loaded. The provider does not trust
// functions: an enclave can reach all memory of its process and leave to any address in it, so the process
// itself must be harmless. Cannot be undone; holds for all threads made later.
#pragma once

#include "base/result.h"

namespace clemmys::enclave {

struct SandboxTerms {
  bool network = false;  // sockets of every kind
  bool files = false;    // paths
  bool quoting = false;  // Unix sockets, to reach the quoting service; what needs no path has its connection
};

// confine: no new privileges, no core dumps, and a system call filter (seccomp) of what serve.cc and the
// platform need; everything else is EPERM. No program is ever started and no process made, other processes
// get no signals, and whoever started this one still ends it by dying. Call before any other thread exists.
Status confine(const SandboxTerms& terms);

}  // namespace clemmys::enclave
