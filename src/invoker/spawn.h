// spawn.h: starts the host process of one enclave with nothing but what it needs: descriptor 3 (its link),
// standard output and error on one pipe, no input, no environment but what is asked for. It dies with the
// thread that started it, dumps no core, gains no privileges, and leaves the terminal's process group, so
// that an interrupt at the keyboard reaches only who shuts instances down.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace clemmys::invoker {

struct SpawnRequest {
  std::string program;                        // absolute or relative path; no search
  std::vector<std::string> arguments;         // without the program's name
  int link = -1;                              // becomes descriptor 3; stays open here
  int output = -1;                            // becomes descriptors 1 and 2; stays open here
  std::vector<std::string> environment = {};  // NAME=VALUE
};
struct SpawnedProcess {
  pid_t pid = -1;
  int pidfd = -1;  // readable when the process has ended; the caller closes it
};
Result<SpawnedProcess> spawn(const SpawnRequest& request);

// reap reaps an ended process and says how it ended: "exited with code 3", "was killed by signal 9".
struct ProcessEnd {
  bool exited = false;  // else a signal ended it
  int status = 0;       // exit code or signal
  std::string text() const;
};
ProcessEnd reap(int pidfd);

}  // namespace clemmys::invoker
