#include "runtime/native/replay_cache.h"

#include <cstring>

namespace clemmys::runtime {

std::size_t ReplayCache::Hash::operator()(const Entry& entry) const {
  std::size_t hash;
  std::memcpy(&hash, entry.activation.bytes.data(), sizeof hash);
  return hash ^ entry.step;
}

Status ReplayCache::admit(const ActivationId& activation, std::uint16_t step, std::uint64_t deadline_unix_ms,
                          std::uint64_t now_unix_ms) {
  while (!seconds_.empty() && (seconds_.begin()->first + 1) * 1000 <= now_unix_ms) {
    size_ -= seconds_.begin()->second.size();
    seconds_.erase(seconds_.begin());
  }
  auto& second = seconds_[deadline_unix_ms / 1000];
  const Entry entry{activation, step};
  if (second.contains(entry)) return Error{ErrorCode::kDenied, "runtime.replay.seen"};
  if (size_ >= entries_max_) return Error{ErrorCode::kExhausted, "runtime.replay.full"};
  second.insert(entry);
  ++size_;
  return {};
}

}  // namespace clemmys::runtime
