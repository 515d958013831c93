// Whose turn it is: what waits and what runs is counted by namespace, and decides who goes next when
// instances or queues run short (fair_share.h).
#include <algorithm>

#include "controller/scheduler.h"
#include "controller/scheduler_state.h"

namespace clemmys::controller {

using wire::PlatformErrorCode;

// share_of finds a namespace's share; one that was away has saved up nothing.
Scheduler::Share& Scheduler::share_of(const NamespaceId& owner) {
  auto& share = shares_[owner];
  if (!share) {
    share = std::make_unique<Share>();
    share->owner = owner;
  }
  if (share->activations == 0) {
    const std::uint64_t now = clock_.monotonic_ns();
    std::uint64_t least = ~std::uint64_t{0};
    for (const auto& [id, other] : shares_) {
      if (other->activations > 0) least = std::min(least, other->usage.at(now));
    }
    if (least != ~std::uint64_t{0}) share->usage.catch_up(least, now);
  }
  return *share;
}

// in_turn puts the namespace that has used least first, and within one the envelope that waited longest.
std::vector<Scheduler::Pool*> Scheduler::in_turn(std::vector<Pool*> pools) const {
  const std::uint64_t now = clock_.monotonic_ns();
  std::ranges::sort(pools, {}, [&](const Pool* pool) {
    return std::pair(pool->share->usage.at(now), pool->waiting.front()->waiting_since_ns);
  });
  return pools;
}

bool Scheduler::queue_is_full(std::uint64_t size) const {
  return waiting_ >= limits_.waiting_max || waiting_bytes_ + size > limits_.waiting_bytes_max;
}

// push_out makes place in a full queue: the namespace with most of it loses its newest envelope that has run
// no step yet. False when the newcomer itself has most.
bool Scheduler::push_out(const Share& newcomer) {
  const bool by_number = waiting_ >= limits_.waiting_max;
  const auto part = [by_number](const Share& share) {
    return by_number ? share.waiting.size() : share.waiting_bytes;
  };
  const auto most =
      std::ranges::max_element(shares_, {}, [&](const auto& entry) { return part(*entry.second); });
  if (most == shares_.end() || part(newcomer) >= part(*most->second)) return false;
  const auto& waiting = most->second->waiting;
  const auto newest =
      std::find_if(waiting.rbegin(), waiting.rend(), [](ActivationIterator each) { return each->step == 0; });
  if (newest == waiting.rend()) return false;
  const ActivationIterator activation = *newest;
  ++counters_.pushed_out;
  std::erase(activation->waiting_in->waiting, activation);
  unqueue(activation);
  fail(activation, PlatformErrorCode::kNoCapacity, "controller.queue.pushed_out");
  return true;
}

// is_hopeless: with all the instances that it may have, the pool could not reach one more envelope in time.
bool Scheduler::is_hopeless(const Pool& pool) const {
  return pool.service_ns * pool.waiting.size() / limits_.instances_per_function_max >
         limits_.waiting_ms_max * kNsPerMs;
}

// should_yield: an instance of `pool` is free, and its room is another's by turn: of the same namespace,
// whose envelope has waited longer; or of a namespace that has used less.
bool Scheduler::should_yield(const Pool& pool) const {
  if (pool.waiting.empty()) return false;
  const auto is_older = [&](const Pool* other) {
    return other != nullptr && other != &pool && !other->waiting.empty() &&
           other->waiting.front()->waiting_since_ns + kTurnMs * kNsPerMs <
               pool.waiting.front()->waiting_since_ns;
  };
  if (is_older(pool.share->hungry)) return true;
  if (hungry_ == nullptr || hungry_->waiting.empty()) return false;
  if (hungry_->share == pool.share) return is_older(hungry_);
  const std::uint64_t now = clock_.monotonic_ns();
  return hungry_->share->usage.at(now) + kTurnMs * 1'000 * pool.need.memory_mib < pool.share->usage.at(now);
}

void Scheduler::begin_work(Instance& instance) {
  instance.since_ns = clock_.monotonic_ns();
  instance.pool->share->usage.begin(instance.pool->need.memory_mib, instance.since_ns);
}

void Scheduler::end_work(Instance& instance) {
  const std::uint64_t now = clock_.monotonic_ns();
  instance.pool->share->usage.end(instance.pool->need.memory_mib, instance.since_ns, now);
  instance.since_ns = now;
}

void Scheduler::drop_absent_shares() {
  std::erase_if(shares_,
                [](const auto& entry) { return entry.second->activations == 0 && entry.second->pools == 0; });
}

}  // namespace clemmys::controller
