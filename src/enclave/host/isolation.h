// isolation.h: what a function's host process gives up before it knows its image: its own user, mount,
// network, IPC, UTS and cgroup namespaces, all empty, with an empty read-only root and no capability; and
// what limits of the kernel (setrlimit) bound. After confine() (sandbox.h) nothing of it could be named
// anyway: this is the second wall, for the day when the first has a hole.
#pragma once

#include <string>

#include "base/result.h"

namespace clemmys::enclave {

// isolate enters empty namespaces. Where the kernel forbids it (user namespaces switched off), it changes
// nothing of that and gives the reason, for the log; the rest of the sandbox holds without. Call with one
// thread, after everything that needs a path.
std::string isolate();

// limit_resources: no core dumps, no files that grow, no locked memory, no message queues, and at most
// `descriptors_max` open files. Address space cannot be limited so: an enclave's range alone is 64 GiB;
// memory is counted by process.cc and watched by the invoker.
Status limit_resources(unsigned descriptors_max);

}  // namespace clemmys::enclave
