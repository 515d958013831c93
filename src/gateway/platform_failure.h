// platform_failure.h: what an activation's record says when the host ended it. Everything in a platform error
// is the host's word, so of it only a code passes, which stands for a text of ours; its own text does not.
#pragma once

#include "gateway/record.h"

namespace clemmys::gateway {

// set_failure makes the record one of a failure: never a success, never with a function's result.
void set_failure(ActivationRecord& record, const wire::PlatformError& error);

}  // namespace clemmys::gateway
