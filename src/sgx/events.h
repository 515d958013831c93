// events.h: what an enclave did, counted, and what that would cost in cycles of an SGX processor: a model,
// never a measurement, and never in one column with measured time.
#pragma once

#include <cstdint>
#include <iterator>

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

// NamedEvent is one of Events: how people call it, and its modelled cycles. Costs are those of PIE (ISCA
// 2021, table II; one processor, a small one), as they are cited: unverified, the paper was not at hand. For
// AEX, ERESUME, EWB, ELDU and the kernel's page fault it is the middle of the ranges that are usually given,
// unverified, too. EBLOCK, ETRACK and EPA have no published cost of their
// own: 0.
struct NamedEvent {
  const char* name;
  std::uint64_t Events::* count;
  std::uint64_t cycles;
};
inline constexpr NamedEvent kNamedEvents[] = {
    {"EADD", &Events::eadd, 12'500},
    {"EEXTEND", &Events::eextend, 5'500},
    {"EAUG", &Events::eaug, 10'000},
    {"EACCEPT", &Events::eaccept, 10'000},
    {"EACCEPTCOPY", &Events::eacceptcopy, 10'000},
    {"EMODT", &Events::emodt, 6'000},
    {"EMODPR", &Events::emodpr, 8'000},
    {"EMODPE", &Events::emodpe, 9'000},
    {"EREMOVE", &Events::eremove, 4'500},
    {"EENTER", &Events::eenter, 14'000},
    {"EEXIT", &Events::eexit, 6'000},
    {"AEX", &Events::aex, 8'500},
    {"ERESUME", &Events::eresume, 8'500},
    {"EREPORT", &Events::ereport, 34'000},
    {"EGETKEY", &Events::egetkey, 40'000},
    {"EBLOCK", &Events::eblock, 0},
    {"ETRACK", &Events::etrack, 0},
    {"EWB", &Events::ewb, 9'500},
    {"ELDU", &Events::eldu, 9'500},
    {"EPA", &Events::epa, 0},
    {"page faults served by the kernel", &Events::page_faults, 2'000},
};
static_assert(std::size(kNamedEvents) == sizeof(Events) / sizeof(std::uint64_t));

// modelled_cycles adds up the costs of all events, and of ECREATE and EINIT once.
std::uint64_t modelled_cycles(const Events& events);

}  // namespace clemmys::sgx
