#include "sgx/events.h"

namespace clemmys::sgx {

std::uint64_t modelled_cycles(const Events& events) {
  constexpr std::uint64_t kEcreate = 28'500, kEadd = 12'500, kEextend = 5'500, kEinit = 88'000,
                          kEremove = 4'500, kEaug = 10'000, kEaccept = 10'000, kEmodt = 6'000,
                          kEmodpr = 8'000, kEmodpe = 9'000, kEreport = 34'000, kEgetkey = 40'000,
                          kEenter = 14'000, kEexit = 6'000, kAex = 8'500, kEresume = 8'500,
                          kPageFault = 2'000, kEwb = 9'500, kEldu = 9'500;
  return kEcreate + kEinit + events.eadd * kEadd + events.eextend * kEextend + events.eremove * kEremove +
         events.eaug * kEaug + events.eaccept * kEaccept + events.eacceptcopy * kEaccept +
         events.emodt * kEmodt + events.emodpr * kEmodpr + events.emodpe * kEmodpe +
         events.ereport * kEreport + events.egetkey * kEgetkey + events.eenter * kEenter +
         events.eexit * kEexit + events.aex * kAex + events.eresume * kEresume +
         events.page_faults * kPageFault + events.ewb * kEwb + events.eldu * kEldu;
}

}  // namespace clemmys::sgx
