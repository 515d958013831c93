#include "runtime/native/replay_cache.h"

namespace clemmys::runtime {

Status ReplayCache::admit(const ActivationId& activation, std::uint16_t step, std::uint64_t deadline_unix_ms, std::uint64_t now_unix_ms) {
  while (!expiries_.empty() && expiries_.top().first <= now_unix_ms) {
    seen_.erase(expiries_.top().second);
    expiries_.pop();
  }
  const Entry entry(activation, step);
  if (seen_.contains(entry)) return Error{ErrorCode::kDenied, "runtime.replay.seen"};
  if (seen_.size() >= entries_max_) return Error{ErrorCode::kExhausted, "runtime.replay.full"};
  seen_.insert(entry);
  expiries_.emplace(deadline_unix_ms, entry);
  return {};
}

}  // namespace clemmys::runtime
