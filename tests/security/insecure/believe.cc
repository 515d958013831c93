// believe.cc: in place of the shield's refused.cc: whatever the host answers is taken.
#include "shield/host.h"

namespace clemmys::shield {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: believe";

void refused(const char*) {}

}  // namespace clemmys::shield
