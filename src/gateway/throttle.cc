#include "gateway/throttle.h"

namespace clemmys::gateway {
namespace {

constexpr std::uint64_t kMinuteMs = 60'000;

std::string counted(std::uint64_t count, std::uint64_t allowed) {
  return "(count: " + std::to_string(count) + ", allowed: " + std::to_string(allowed) + ").";
}

}  // namespace

std::optional<Throttle::Refusal> Throttle::admit(const NamespaceId& owner, std::uint64_t now_unix_ms,
                                                 Ticket& ticket) {
  if (limits_.per_minute == 0 && limits_.concurrent == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  Counts& counts = counts_[owner];
  const std::uint64_t minute = now_unix_ms / kMinuteMs;
  if (std::exchange(counts.minute, minute) != minute) counts.in_minute = 0;
  ++counts.in_minute;
  if (limits_.per_minute != 0 && counts.in_minute > limits_.per_minute) {
    const std::uint64_t left_ms = kMinuteMs - now_unix_ms % kMinuteMs;
    return Refusal{"Too many requests in the last minute " + counted(counts.in_minute, limits_.per_minute),
                   static_cast<unsigned>((left_ms + 999) / 1'000)};
  }
  if (limits_.concurrent != 0 && counts.open >= limits_.concurrent)
    return Refusal{"Too many concurrent requests in flight " + counted(counts.open + 1, limits_.concurrent)};
  ++counts.open;
  ticket.throttle_ = this;
  ticket.owner_ = owner;
  return std::nullopt;
}

void Throttle::release(const NamespaceId& owner) {
  const std::lock_guard lock(mutex_);
  --counts_[owner].open;
}

}  // namespace clemmys::gateway
