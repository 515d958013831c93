#include "gateway/open_runs.h"

namespace clemmys::gateway {

std::shared_ptr<RunListener> take_run(OpenRuns& runs, std::uint64_t number) {
  auto entry = runs.extract(number);
  return entry ? std::move(entry.mapped()) : nullptr;
}

}  // namespace clemmys::gateway
