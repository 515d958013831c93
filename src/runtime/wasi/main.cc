// The program of every image that is made from a WASI module: with a link on descriptor 3 an instance, else
// an ordinary process, the request on standard input.
#include <cstdio>

#include "crypto/crypto.h"
#include "runtime/native/instance.h"
#include "runtime/wasi/command.h"

int main() {
  using namespace clemmys;
  if (!crypto::initialize()) return 1;
  const SystemClock clock;
  runtime::wasi::Command command(clemmys_module, clock);
  const runtime::Handler call = [&command](const runtime::Call& in) { return command.call(in); };
  if (!runtime::has_link()) return runtime::run_local(call, runtime::MemoryKeeper::kSandbox);
  return runtime::run_program({.call = call, .memory = runtime::MemoryKeeper::kSandbox});
}
