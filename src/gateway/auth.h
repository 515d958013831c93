// auth.h: HTTP Basic authentication, `uuid:key`. The key is never compared itself: SHA-256(key) is, in
// constant time, against the view's digest, or for unknown users against one that nothing hashes to, at the
// same cost.
#pragma once

#include <string_view>

#include "gateway/view.h"

namespace clemmys::gateway {

// authenticate gives the user of an Authorization header; the pointer lives as long as the snapshot.
// kUnauthenticated otherwise.
Result<const wire::User*> authenticate(const Snapshot& snapshot, std::string_view authorization);

}  // namespace clemmys::gateway
