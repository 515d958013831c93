// replay_cache.h: which (activation, step) this instance has run. An entry lives until its deadline, when the envelope would be refused
// anyway; when the cache is full, new work is refused and never an old entry forgotten. `now` must never go back: see StepRunner.
#pragma once

#include <functional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace clemmys::runtime {

class ReplayCache {
 public:
  explicit ReplayCache(std::size_t entries_max) : entries_max_(entries_max) {}

  // admit remembers a first sight. kDenied: seen before; kExhausted: full.
  Status admit(const ActivationId& activation, std::uint16_t step, std::uint64_t deadline_unix_ms, std::uint64_t now_unix_ms);
  std::size_t size() const { return seen_.size(); }

 private:
  using Entry = std::pair<ActivationId, std::uint16_t>;
  using Expiry = std::pair<std::uint64_t, Entry>;
  std::size_t entries_max_;
  std::set<Entry> seen_;
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>> expiries_;
};

}  // namespace clemmys::runtime
