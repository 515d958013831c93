// events.h: what an enclave did, counted, and what that would cost in cycles of an SGX processor: a model,
// never a measurement, and never in one column with measured time.
#pragma once

#include <cstdint>

namespace clemmys::sgx {

// Events since creation. page_faults: those that the kernel serves by EAUG. Asynchronous exits and
// resumptions are those that the kernel serves alone, too.
struct Events {
  std::uint64_t eadd = 0, eextend = 0, eaug = 0, eremove = 0, emodt = 0, emodpr = 0;
  std::uint64_t eenter = 0, eresume = 0, eexit = 0, aex = 0, eaccept = 0, eacceptcopy = 0, emodpe = 0,
                ereport = 0, egetkey = 0, page_faults = 0;
  // Paging: pages written out and brought back, and pages for version arrays.
  std::uint64_t eblock = 0, etrack = 0, ewb = 0, eldu = 0, epa = 0;
};

// modelled_cycles adds up published costs per event: those of PIE (ISCA 2021, table II; one processor, a
// small one), and for AEX, ERESUME and the kernel's page fault the middle of the ranges that are usually
// given. ECREATE and EINIT once.
std::uint64_t modelled_cycles(const Events& events);

}  // namespace clemmys::sgx
