// exitless.h: host calls that do not leave the enclave. The call lies in the thread's HostThread block as
// always; a word says that it is posted, and a worker of the host that looks at this word serves it. The
// shield waits a moment, then leaves all the same. The answer is as hostile as any: it is read once and
// checked where all answers are (host.h). Whether there is a worker is the host's word too: it can cost time,
// nothing else.
#pragma once

#include "shield/host.h"

namespace clemmys::shield {

// worker_is_awake is what the host says.
bool worker_is_awake();

// exitless_call posts the call in the block, if it is one that never sleeps, and waits. True: answered.
// False: leave (the host takes a posted call back before it serves it).
bool exitless_call(Thread& thread, uint64_t number, uint64_t timeout);

}  // namespace clemmys::shield
