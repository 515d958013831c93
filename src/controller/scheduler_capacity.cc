// Instances: when another is started, which one makes room, and when one is stopped.
#include <algorithm>

#include "base/log.h"
#include "controller/scheduler.h"
#include "controller/scheduler_state.h"

namespace clemmys::controller {

using wire::PlatformErrorCode;

namespace {

constexpr std::uint64_t kBusyTickNs = 20 * kNsPerMs;
constexpr std::uint64_t kIdleTickNs = 1'000 * kNsPerMs;
constexpr std::uint64_t kPauseAfterFailureNs = 1'000 * kNsPerMs;
constexpr std::size_t kLatestStartsKept = 16;

std::string instance_name(InstanceId id) { return "instance " + std::to_string(std::to_underlying(id)); }

}  // namespace

// wants_instance: a pool without instances does at once. One that has some does when its first envelope has
// waited, and working the queue off with the present instances would take longer than a start has been
// taking: short calls do not multiply instances.
bool Scheduler::wants_instance(const Pool& pool) const {
  if (pool.waiting.empty()) return false;
  const std::uint64_t now = clock_.monotonic_ns();
  if (now < pool.no_start_before_ns) return false;
  if (pool.instances.empty()) return true;
  if (pool.instances.size() >= limits_.instances_per_function_max || pool.starting >= pool.waiting.size())
    return false;
  if (now - pool.waiting.front()->waiting_since_ns < limits_.patience_ms * kNsPerMs) return false;
  std::uint64_t service_ns = pool.service_ns;
  for (const Instance* instance : pool.instances) {
    if (instance->state == InstanceState::kBusy) service_ns = std::max(service_ns, now - instance->since_ns);
  }
  return service_ns * pool.waiting.size() / pool.instances.size() >= start_cost_ns_;
}

void Scheduler::start_where_wanted() {
  std::vector<Pool*> wanting;
  for (const auto& [key, pool] : pools_) {
    if (wants_instance(*pool)) wanting.push_back(pool.get());
  }
  std::ranges::sort(wanting, {}, [](const Pool* pool) { return pool->waiting.front()->waiting_since_ns; });
  for (Pool* pool : wanting) start_instance(*pool);
}

// make_room stops idle instances, least recently used first, until one more of this size fits.
bool Scheduler::make_room(std::uint64_t memory_mib) {
  while (instances_.size() >= limits_.instances_max || memory_mib_ + memory_mib > limits_.memory_mib_max) {
    if (idle_.empty()) return false;
    ++counters_.stopped_for_room;
    stop_instance(*idle_.front());
  }
  return true;
}

void Scheduler::start_instance(Pool& pool) {
  if (starting_ >= limits_.starting_max || !make_room(pool.key.memory_mib))
    return;  // tried again at the next tick
  const InstanceId id{next_instance_++};
  const InstanceSpec spec{pool.key.image, {pool.key.function, pool.key.memory_mib, limits_.payload_size_max}};
  if (const Status started = invoker_.start(id, spec); !started) {
    ++counters_.start_failures;
    log_warning("cannot start an instance: " + to_string(started.error()));
    if (!pool.instances.empty()) return;
    const bool absent = started.error().code == ErrorCode::kNotFound;
    return drop_waiting(pool, absent ? PlatformErrorCode::kBadImage : PlatformErrorCode::kNoCapacity,
                        started.error().site);
  }
  ++counters_.cold_starts;
  auto instance = std::make_unique<Instance>();
  instance->id = id;
  instance->pool = &pool;
  instance->since_ns = clock_.monotonic_ns();
  instance->time_limit_ns = instance->since_ns + limits_.start_timeout_ms * kNsPerMs;
  pool.instances.push_back(instance.get());
  ++pool.starting;
  ++starting_;
  memory_mib_ += pool.key.memory_mib;
  instances_.emplace(std::to_underlying(id), std::move(instance));
}

void Scheduler::set_idle(Instance& instance) {
  if (instance.state == InstanceState::kBusy) --busy_;
  instance.state = InstanceState::kIdle;
  instance.since_ns = clock_.monotonic_ns();
  instance.idle_place = idle_.insert(idle_.end(), &instance);
}

void Scheduler::instance_ready(InstanceId id, const StartTimes& times) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  Instance& instance = *found->second;
  if (instance.state != InstanceState::kStarting) return misbehaved(instance, "ready twice");
  --starting_;
  --instance.pool->starting;
  start_cost_ns_ = (3 * start_cost_ns_ + (clock_.monotonic_ns() - instance.since_ns)) / 4;
  latest_starts_.push_back(times);
  if (latest_starts_.size() > kLatestStartsKept) latest_starts_.pop_front();
  set_idle(instance);
  dispatch(*instance.pool);
}

// erase_instance forgets an instance that no longer exists; its activation, if any, was dealt with.
void Scheduler::erase_instance(Instance& instance) {
  Pool& pool = *instance.pool;
  switch (instance.state) {
    case InstanceState::kStarting:
      --starting_;
      --pool.starting;
      break;
    case InstanceState::kIdle:
      idle_.erase(instance.idle_place);
      break;
    case InstanceState::kBusy:
      --busy_;
      break;
  }
  std::erase(pool.instances, &instance);
  memory_mib_ -= pool.key.memory_mib;
  instances_.erase(std::to_underlying(instance.id));
}

void Scheduler::stop_instance(Instance& instance) {
  invoker_.stop(instance.id);
  erase_instance(instance);
}

void Scheduler::end_instance(Instance& instance, PlatformErrorCode code, std::string_view why) {
  Pool& pool = *instance.pool;
  const InstanceState state = instance.state;
  if (state == InstanceState::kBusy) {
    const ActivationIterator activation = instance.activation;
    activation->runs_at = nullptr;
    erase_instance(instance);
    fail(activation, code, why);
  } else {
    erase_instance(instance);
  }
  if (state == InstanceState::kStarting) {
    ++counters_.start_failures;
    pool.no_start_before_ns = clock_.monotonic_ns() + kPauseAfterFailureNs;
    if (pool.instances.empty()) {
      pool.no_start_before_ns = 0;  // nothing waits any more: the next envelope may try again
      drop_waiting(pool, code, why);
    }
  }
  start_where_wanted();
}

void Scheduler::instance_ended(InstanceId id, std::string_view why) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  log_warning(instance_name(id) + " ended: " + std::string(why));
  end_instance(*found->second, PlatformErrorCode::kInstanceDied, why);
}

void Scheduler::misbehaved(Instance& instance, std::string_view how) {
  ++counters_.stopped_for_misbehaviour;
  log_warning(instance_name(instance.id) + " stopped: " + std::string(how));
  invoker_.stop(instance.id);
  end_instance(instance, PlatformErrorCode::kInstanceDied, "the instance broke the protocol");
}

std::uint64_t Scheduler::tick_due_ns() const {
  if (waiting_ > 0) return last_tick_ns_ + limits_.patience_ms * kNsPerMs;
  if (busy_ > 0 || starting_ > 0) return last_tick_ns_ + kBusyTickNs;
  if (!pools_.empty()) return last_tick_ns_ + kIdleTickNs;
  return ~std::uint64_t{0};
}

void Scheduler::tick() {
  const std::uint64_t now = last_tick_ns_ = clock_.monotonic_ns();
  std::vector<InstanceId> late;
  for (const auto& [number, instance] : instances_) {
    if (instance->state != InstanceState::kIdle && now >= instance->time_limit_ns)
      late.push_back(instance->id);
  }
  for (const InstanceId id : late) {
    const auto found = instances_.find(std::to_underlying(id));
    if (found == instances_.end()) continue;
    ++counters_.timed_out;
    invoker_.stop(id);
    end_instance(*found->second, PlatformErrorCode::kTimeout, "the time limit passed");
  }
  while (!idle_.empty() && now - idle_.front()->since_ns >= limits_.keep_alive_ms * kNsPerMs) {
    ++counters_.stopped_when_idle;
    stop_instance(*idle_.front());
  }
  const std::uint64_t unix_ms = clock_.unix_ms();
  for (const auto& [key, pool] : pools_) {
    std::erase_if(pool->waiting, [&](ActivationIterator activation) {
      if (activation->deadline_unix_ms > unix_ms) return false;
      unqueue(activation);
      ++counters_.timed_out;
      fail(activation, PlatformErrorCode::kTimeout, "the deadline passed while waiting for an instance");
      return true;
    });
  }
  if (waiting_ > 0) start_where_wanted();
  std::erase_if(pools_, [](const auto& entry) {
    return entry.second->instances.empty() && entry.second->waiting.empty();
  });
}

void Scheduler::stop_all() {
  for (const auto& [key, pool] : pools_)
    drop_waiting(*pool, PlatformErrorCode::kShutdown, "the platform is shutting down");
  while (!instances_.empty()) {
    Instance& instance = *instances_.begin()->second;
    invoker_.stop(instance.id);
    end_instance(instance, PlatformErrorCode::kShutdown, "the platform is shutting down");
  }
}

}  // namespace clemmys::controller
