#include "shield/host.h"

namespace clemmys::shield {

void refused(const char* site) { panic(site); }

}  // namespace clemmys::shield
