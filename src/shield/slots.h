// slots.h: thread slots that come when a program starts more threads than the image brought: pages by EAUG
// and EACCEPT, then EMODT makes the first of them a TCS (SDM volume 3D, "EMODT", "EACCEPT"). Trusted memory;
// the caller holds the lock under which threads are claimed.
#pragma once

#include <stdint.h>

namespace clemmys::shield {

// slots_made is how many slots exist; only those may be looked at.
uint64_t slots_made();
// make_slot adds the next one. False: the image has room for no more, or the host has no memory left.
bool make_slot();

}  // namespace clemmys::shield
