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

PlatformErrorCode error_of(InstanceEnd how, bool starting) {
  switch (how) {
    case InstanceEnd::kItself:
    case InstanceEnd::kBrokeProtocol:
      return starting ? PlatformErrorCode::kStartFailed : PlatformErrorCode::kFunctionDied;
    case InstanceEnd::kOverMemory:
      return PlatformErrorCode::kOverMemory;
    case InstanceEnd::kFromOutside:
      break;
  }
  return PlatformErrorCode::kInstanceDied;
}

std::string instance_name(InstanceId id) { return "instance " + std::to_string(std::to_underlying(id)); }

}  // namespace

// wants_instance: a pool without instances does at once. One that has some does when its first envelope has
// waited, and working the queue off with the present instances would take longer than a start has been
// taking: as long again as the longest present call, and then the queue. Short calls do not multiply
// instances, nor does one of them that was held up.
bool Scheduler::wants_instance(const Pool& pool) const {
  if (pool.waiting.empty()) return false;
  const std::uint64_t now = clock_.monotonic_ns();
  if (now < pool.no_start_before_ns) return false;
  if (pool.instances.empty()) return true;
  if (pool.instances.size() >= limits_.instances_per_function_max || pool.starting >= pool.waiting.size())
    return false;
  if (now - pool.waiting.front()->waiting_since_ns < limits_.patience_ms * kNsPerMs) return false;
  std::uint64_t running_ns = 0;
  for (const Instance* instance : pool.instances) {
    if (instance->state == InstanceState::kBusy) running_ns = std::max(running_ns, now - instance->since_ns);
  }
  const std::uint64_t service_ns = pool.service_ns != 0 ? pool.service_ns : running_ns;
  return running_ns + service_ns * pool.waiting.size() / pool.instances.size() >= start_cost_ns_;
}

// start_where_wanted: when one finds no room, those after it wait, too, so that room comes together for it.
void Scheduler::start_where_wanted() {
  hungry_ = nullptr;
  for (const auto& [id, share] : shares_) share->hungry = nullptr;
  std::vector<Pool*> wanting;
  for (const auto& [key, pool] : pools_) {
    if (wants_instance(*pool)) wanting.push_back(pool.get());
  }
  for (Pool* pool : in_turn(std::move(wanting))) {
    if (hungry_ != nullptr) return;
    start_instance(*pool);
  }
}

bool Scheduler::stop_own_idle(const Share& share) {
  const auto oldest =
      std::ranges::find_if(idle_, [&](const Instance* each) { return each->pool->share == &share; });
  if (oldest == idle_.end()) return false;
  ++counters_.stopped_for_room;
  stop_instance(**oldest);
  return true;
}

// make_room stops idle instances, least recently used first, until one more of this pool fits; none when that
// would not be enough.
Scheduler::Room Scheduler::make_room(const Pool& pool) {
  const Share& share = *pool.share;
  const auto others_work = [&] {
    Resources work = held_;
    work -= idle_held_;
    Resources own = share.held;
    own -= share.idle;
    work -= own;
    return work;
  };
  while (!may_hold(share.held, pool.need, others_work(), all_)) {
    if (!stop_own_idle(share)) return Room::kNotForThisNamespace;
  }
  Resources work = held_;
  work -= idle_held_;
  if (!(work + pool.need).fits_into(all_)) return Room::kNone;
  while (!(held_ + pool.need).fits_into(all_)) {
    ++counters_.stopped_for_room;
    stop_instance(*idle_.front());
  }
  return Room::kMade;
}

void Scheduler::start_instance(Pool& pool) {
  if (starting_ >= limits_.starting_max) return;  // tried again at the next tick
  switch (make_room(pool)) {
    case Room::kMade:
      break;
    case Room::kNone:
      hungry_ = &pool;
      return;
    case Room::kNotForThisNamespace:
      if (pool.share->hungry == nullptr) pool.share->hungry = &pool;
      return;
  }
  const InstanceId id{next_instance_++};
  const InstanceSpec spec{pool.key.image,
                          {pool.key.function, pool.key.memory_mib, limits_.payload_size_max},
                          pool.need.memory_mib};
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
  begin_work(*instance);
  instance->time_limit_ns = instance->since_ns + limits_.start_timeout_ms * kNsPerMs;
  pool.instances.push_back(instance.get());
  ++pool.starting;
  ++starting_;
  held_ += pool.need;
  pool.share->held += pool.need;
  instances_.emplace(std::to_underlying(id), std::move(instance));
}

void Scheduler::set_idle(Instance& instance) {
  if (instance.state == InstanceState::kBusy) --busy_;
  instance.state = InstanceState::kIdle;
  end_work(instance);
  idle_held_ += instance.pool->need;
  instance.pool->share->idle += instance.pool->need;
  instance.idle_place = idle_.insert(idle_.end(), &instance);
}

void Scheduler::instance_ready(InstanceId id, const StartTimes& times) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  Instance& instance = *found->second;
  if (instance.state != InstanceState::kStarting) return misbehaved(instance, "ready twice");
  --starting_;
  --instance.pool->starting;
  if (!times.was_waiting)
    start_cost_ns_ = (3 * start_cost_ns_ + (clock_.monotonic_ns() - instance.since_ns)) / 4;
  latest_starts_.push_back(times);
  if (latest_starts_.size() > kLatestStartsKept) latest_starts_.pop_front();
  set_idle(instance);
  dispatch(*instance.pool);
}

// erase_instance forgets an instance that no longer exists; its activation, if any, was dealt with.
void Scheduler::erase_instance(Instance& instance) {
  Pool& pool = *instance.pool;
  if (instance.state == InstanceState::kIdle) {
    idle_.erase(instance.idle_place);
    idle_held_ -= pool.need;
    pool.share->idle -= pool.need;
  } else {
    end_work(instance);
    --(instance.state == InstanceState::kBusy ? busy_ : starting_);
    if (instance.state == InstanceState::kStarting) --pool.starting;
  }
  std::erase(pool.instances, &instance);
  held_ -= pool.need;
  pool.share->held -= pool.need;
  instances_.erase(std::to_underlying(instance.id));
}

void Scheduler::stop_instance(Instance& instance) {
  invoker_.stop(instance.id);
  erase_instance(instance);
}

void Scheduler::retire(const ChainId& chain) {
  if (std::ranges::any_of(activations_, [&](const Activation& each) { return each.chain == chain; })) return;
  for (auto next = idle_.begin(); next != idle_.end();) {
    Instance& instance = **next++;
    if (instance.pool->key.chain != chain) continue;
    ++counters_.stopped_when_idle;
    stop_instance(instance);
  }
  start_where_wanted();
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

void Scheduler::instance_ended(InstanceId id, InstanceEnd how, std::string_view why) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  log_warning(instance_name(id) + " ended: " + std::string(why));
  const bool starting = found->second->state == InstanceState::kStarting;
  end_instance(*found->second, error_of(how, starting), why);
}

void Scheduler::misbehaved(Instance& instance, std::string_view how) {
  ++counters_.stopped_for_misbehaviour;
  log_warning(instance_name(instance.id) + " stopped: " + std::string(how));
  invoker_.stop(instance.id);
  const bool starting = instance.state == InstanceState::kStarting;
  end_instance(instance, error_of(InstanceEnd::kBrokeProtocol, starting), "the instance broke the protocol");
}

std::uint64_t Scheduler::tick_due_ns() const {
  if (waiting_ > 0) return last_tick_ns_ + limits_.patience_ms * kNsPerMs;
  if (busy_ > 0 || starting_ > 0) return last_tick_ns_ + kBusyTickNs;
  if (!pools_.empty() || !shares_.empty()) return last_tick_ns_ + kIdleTickNs;
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
    const bool starting = found->second->state == InstanceState::kStarting;
    end_instance(*found->second, starting ? PlatformErrorCode::kStartFailed : PlatformErrorCode::kTimeout,
                 "the time limit passed");
  }
  while (!idle_.empty() && now - idle_.front()->since_ns >= limits_.keep_alive_ms * kNsPerMs) {
    ++counters_.stopped_when_idle;
    stop_instance(*idle_.front());
  }
  drop_late();
  std::erase_if(pools_, [this](const auto& entry) {
    if (!entry.second->instances.empty() || !entry.second->waiting.empty()) return false;
    Share& share = *entry.second->share;
    if (hungry_ == entry.second.get()) hungry_ = nullptr;
    if (share.hungry == entry.second.get()) share.hungry = nullptr;
    --share.pools;
    return true;
  });
  drop_absent_shares();
  if (waiting_ > 0) {
    start_where_wanted();
  } else {
    hungry_ = nullptr;
  }
}

// drop_late answers what waits when its deadline has passed, or no instance was to be had for too long.
void Scheduler::drop_late() {
  const std::uint64_t now = clock_.monotonic_ns(), unix_ms = clock_.unix_ms();
  for (const auto& [key, pool] : pools_) {
    std::erase_if(pool->waiting, [&](ActivationIterator activation) {
      const bool late = activation->deadline_unix_ms <= unix_ms;
      if (!late && now - activation->waiting_since_ns < limits_.waiting_ms_max * kNsPerMs) return false;
      unqueue(activation);
      if (late) {
        ++counters_.timed_out;
        fail(activation, PlatformErrorCode::kTimeout, "the deadline passed while waiting for an instance");
      } else {
        fail(activation, PlatformErrorCode::kNoCapacity, "controller.queue.waited");
      }
      return true;
    });
  }
}

void Scheduler::shut_down() {
  shut_down_ = true;
  stop_all();
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
