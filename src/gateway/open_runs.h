// open_runs.h: the runs that wait for their end, by number. Inner header of gateway/.
#pragma once

#include <memory>
#include <unordered_map>

#include "gateway/links.h"

namespace clemmys::gateway {

using OpenRuns = std::unordered_map<std::uint64_t, std::shared_ptr<RunListener>>;

// take_run gives the listener of a run that ends, and forgets it: an end that comes again finds null.
std::shared_ptr<RunListener> take_run(OpenRuns& runs, std::uint64_t number);

}  // namespace clemmys::gateway
