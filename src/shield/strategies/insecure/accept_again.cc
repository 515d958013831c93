// accept_again.cc: in place of the shield's refused.cc: a page that exists and faults all the same is
// accepted once more, as by a shield that keeps no books of its pages.
#include "shield/enclu.h"
#include "shield/host.h"

namespace clemmys::shield {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: accept_again";

void refused(const char* site) {
  constexpr char kTaken[] = "memory.page_taken";
  if (strlen(site) + 1 != sizeof kTaken || memcmp(site, kTaken, sizeof kTaken) != 0) panic(site);
  constexpr auto kNew = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite | sgx::kSecinfoPending);
  (void)accept_page(self().fault_in_vain, kNew);
}

}  // namespace clemmys::shield
