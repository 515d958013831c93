// replay_cache.h: which (activation, step) this instance has run. An entry lives at least until its deadline,
// when the envelope would be refused anyway; when the cache is full, new work is refused and never an old
// entry forgotten. `now` must never go back: see StepRunner. Entries lie in one set per second of deadline,
// so that they expire together; an authentic (activation, step) has only one deadline.
#pragma once

#include <map>
#include <unordered_set>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::runtime {

class ReplayCache {
 public:
  explicit ReplayCache(std::size_t entries_max) : entries_max_(entries_max) {}

  // admit remembers a first sight. kDenied: seen before; kExhausted: full.
  Status admit(const ActivationId& activation, std::uint16_t step, std::uint64_t deadline_unix_ms,
               std::uint64_t now_unix_ms);
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    ActivationId activation;
    std::uint16_t step;
    bool operator==(const Entry&) const = default;
  };
  struct Hash {  // activations are random, and authenticated before they come here
    std::size_t operator()(const Entry& entry) const;
  };

  std::size_t entries_max_, size_ = 0;
  std::map<std::uint64_t, std::unordered_set<Entry, Hash>>
      seconds_;  // by the second in which the deadline lies
};

}  // namespace clemmys::runtime
