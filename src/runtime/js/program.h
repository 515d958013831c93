// program.h: a script as an instance's program: it becomes one function with the first keys, then answers
// calls. Trust: trusted. Threads: one.
#pragma once

#include <optional>

#include "runtime/js/script.h"
#include "runtime/native/instance.h"

namespace clemmys::runtime {

class ScriptProgram {
 public:
  // prepare makes ready what no function's code is needed for.
  void prepare() { sandbox_ = prepare_sandbox(); }
  // become fetches, opens and loads the code of `keys`, the first time. An error (no keys for a script, other
  // code than was deployed) refuses the envelope, and the next one tries again. Code that does not load is
  // the function's failure: the call answers it, and the instance ends.
  Status become(const wire::StepKeys& keys, const wire::Header& header, BlobSource& blobs);
  Reply call(const Call& call);

 private:
  SandboxOwner sandbox_;
  std::optional<LoadedScript> script_;
  bool isolate_ = false;
};

}  // namespace clemmys::runtime
