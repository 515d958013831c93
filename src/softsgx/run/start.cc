// start.cc: what happens in a program before its own first instruction.
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "softsgx/paging.h"
#include "softsgx/range.h"
#include "softsgx/registry.h"
#include "softsgx/run/address_space.h"
#include "softsgx/run/cpuid.h"
#include "softsgx/run/files.h"
#include "softsgx/run/own_calls.h"
#include "softsgx/run/paths.h"
#include "softsgx/run/sites.h"
#include "softsgx/run/vdso.h"
#include "softsgx/signals.h"
#include "softsgx/traps.h"

namespace clemmys::softsgx {
namespace {

__attribute__((constructor)) void start(int, char**, char** environment) {
  if (const char* every = std::getenv("SOFTSGX_PARTIAL_EVERY"))
    Device::partial_every = static_cast<unsigned>(std::strtoul(every, nullptr, 10));
  if (const Status installed = install_signal_handlers(); !installed || !install_vdso(environment)) {
    std::fputs("softsgx: this process cannot have an SGX machine\n", stderr);
    ::_exit(126);
  }
  deliver_as_kernel();
  set_epc_size(epc_size());
  set_host_trap([](int number, ucontext_t& context) {
    return cpuid_trap(number, context) || own_call_trap(number, context);
  });
  const Sites sites = find_sites();
  intercept_cpuid(sites.cpuid);
  intercept_own_calls(sites.system_calls);
  open_memory_map();
  files().adopt_all();
  inherit_ranges();
  ::pthread_atfork([] { files().before_fork(); }, [] { files().after_fork(); },
                   [] {
                     files().after_fork();
                     open_memory_map();
                     paging_after_fork();
                     enclaves_after_fork();
                   });
}

}  // namespace
}  // namespace clemmys::softsgx
