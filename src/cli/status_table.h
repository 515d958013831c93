// status_table.h: what a platform says of itself (`/clemmys/v1/status`), for people.
#pragma once

#include <boost/json/fwd.hpp>

namespace clemmys::cli {

// show_status prints capacity, functions that have instances or wait, counters that are not 0, and cold
// starts by phase. What is missing or of another type is left out: the numbers are the untrusted side's.
void show_status(const boost::json::value& status);

}  // namespace clemmys::cli
