// command.h: a WASI command as a function: one call is one run of the module in a memory of its own that is
// as new.
//
// The request is the command's standard input: the parameters as one JSON object, or the bytes that were
// sent. The last line of its standard output is the answer, a JSON object or array (as of OpenWhisk's docker
// skeleton); earlier lines and standard error are the log's. argv[0] and the environment's __OW_* are as
// OpenWhisk's. Trust: trusted; the module and all that it says is not. Threads: one.
#pragma once

#include "runtime/native/handler.h"
#include "runtime/wasi/process.h"
#include "runtime/wasi/translated_module.h"

// What the module's imports get (translated_module.h).
struct Z_wasi_snapshot_preview1_instance_t {
  clemmys::runtime::wasi::Process* process;
  const wasm_rt_memory_t* memory;
};

namespace clemmys::runtime::wasi {

class Command {
 public:
  // A module is initialised once per process.
  Command(const clemmys_translated_module& module, const Clock& clock);
  Reply call(const Call& call);

 private:
  wasm::Trap run(Process& process);
  void clear_instance();
  Reply reply(const Call& call, Process& process, wasm::Trap trap, bool out_of_memory);

  const clemmys_translated_module& module_;
  const Clock& clock_;
  wasm::KeptMemory memory_;
  std::vector<std::max_align_t> instance_;
};

}  // namespace clemmys::runtime::wasi
