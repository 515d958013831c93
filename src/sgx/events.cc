#include "sgx/events.h"

namespace clemmys::sgx {

std::uint64_t modelled_cycles(const Events& events) {
  constexpr std::uint64_t kEcreate = 28'500, kEinit = 88'000;
  std::uint64_t cycles = kEcreate + kEinit;
  for (const NamedEvent& event : kNamedEvents) cycles += events.*event.count * event.cycles;
  return cycles;
}

}  // namespace clemmys::sgx
