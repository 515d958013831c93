// The way of an envelope: accepted, waiting, handed over, answered. Instances come and go in
// scheduler_capacity.cc.
#include "controller/scheduler.h"

#include <algorithm>

#include "base/log.h"
#include "controller/scheduler_state.h"
#include "wire/padding.h"

namespace clemmys::controller {

using wire::Header;
using wire::Kind;
using wire::PlatformErrorCode;

Scheduler::Scheduler(const SchedulerLimits& limits, const Clock& clock, Invoker& invoker, Answers& answers)
    : limits_(limits),
      clock_(clock),
      invoker_(invoker),
      answers_(answers),
      all_{limits.instances_max, limits.memory_mib_max, limits.epc_mib_max} {}

Scheduler::~Scheduler() = default;

Status Scheduler::check_request(const Header& header) const {
  if (header.kind != Kind::kRequest) return Error{ErrorCode::kInvalid, "controller.run.kind"};
  if (header.step != 0 || header.steps == 0) return Error{ErrorCode::kInvalid, "controller.run.step"};
  if (header.deadline_unix_ms <= clock_.unix_ms())
    return Error{ErrorCode::kDeadline, "controller.run.deadline"};
  if (by_id_.contains(header.activation)) return Error{ErrorCode::kExists, "controller.run.activation"};
  return {};
}

void Scheduler::run(Request request, Packet envelope) {
  const auto refuse = [&](PlatformErrorCode code, std::string_view text) {
    ++counters_.failed;
    if (code == PlatformErrorCode::kNoCapacity) ++counters_.no_capacity;
    answers_.failed(request, {code, 0, std::string(text)});
  };
  if (shut_down_) return refuse(PlatformErrorCode::kShutdown, "the platform is shutting down");
  const auto header = wire::decode_header(envelope.view());
  if (!header) return refuse(PlatformErrorCode::kRefused, header.error().site);
  if (const Status checked = check_request(*header); !checked) {
    const bool late = checked.error().code == ErrorCode::kDeadline;
    return refuse(late ? PlatformErrorCode::kTimeout : PlatformErrorCode::kRefused, checked.error().site);
  }
  const auto pool = pools_.find(key_of(request, *header));
  if (pool != pools_.end() &&
      (pool->second->waiting.size() >= limits_.waiting_per_function_max || is_hopeless(*pool->second))) {
    return refuse(PlatformErrorCode::kNoCapacity, "controller.run.function_queue");
  }
  Share& share = share_of(request.owner);
  while (queue_is_full(envelope.size())) {
    if (!push_out(share)) return refuse(PlatformErrorCode::kNoCapacity, "controller.run.queue");
  }
  ++counters_.accepted;
  Activation& activation = activations_.emplace_back();
  activation.id = header->activation;
  activation.request = request;
  activation.share = &share;
  ++share.activations;
  activation.chain = header->chain;
  activation.chain_digest = header->chain_digest;
  activation.steps = header->steps;
  activation.deadline_unix_ms = header->deadline_unix_ms;
  const auto place = std::prev(activations_.end());
  by_id_.emplace(activation.id, place);
  enqueue(place, *header, std::move(envelope));
}

Scheduler::PoolKey Scheduler::key_of(const Request& request, const Header& header) {
  return {request.owner, header.receiver, header.image, header.chain, header.memory_mib};
}

Scheduler::Pool& Scheduler::pool_of(const Request& request, const Header& header) {
  const PoolKey key = key_of(request, header);
  auto& pool = pools_[key];
  if (pool) return *pool;
  pool = std::make_unique<Pool>();
  pool->key = key;
  pool->share = &share_of(request.owner);
  ++pool->share->pools;
  // An image that is not there shows when its first instance is to start.
  const std::uint64_t image_mib = (invoker_.image_size(key.image).value_or(0) + kMib - 1) / kMib;
  pool->need = {1, key.memory_mib + image_mib + limits_.host_process_mib, key.memory_mib + image_mib};
  return *pool;
}

void Scheduler::enqueue(ActivationIterator activation, const Header& header, Packet envelope) {
  activation->step = header.step;
  if (header.payload_size > wire::padme(limits_.payload_size_max + kPayloadRoom)) {
    return fail(activation, PlatformErrorCode::kRefused, "controller.run.payload_size");
  }
  if (header.timeout_ms > limits_.timeout_ms_max)
    return fail(activation, PlatformErrorCode::kRefused, "controller.run.timeout");
  Pool& pool = pool_of(activation->request, header);
  if (!pool.need.fits_into(all_))
    return fail(activation, PlatformErrorCode::kNoCapacity, "controller.run.memory");

  Share& share = *activation->share;
  activation->waiting_in = &pool;
  activation->waiting_since_ns = clock_.monotonic_ns();
  activation->timeout_ms = header.timeout_ms;
  activation->place_in_share = share.waiting.insert(share.waiting.end(), activation);
  waiting_bytes_ += envelope.size();
  share.waiting_bytes += envelope.size();
  ++waiting_;
  activation->envelope = std::move(envelope);
  pool.waiting.push_back(activation);
  dispatch(pool);
  // While somebody waits for room, turns decide (at the next tick).
  if (hungry_ == nullptr && wants_instance(pool)) start_instance(pool);
}

void Scheduler::dispatch(Pool& pool) {
  for (std::size_t i = 0; i < pool.instances.size() && !pool.waiting.empty(); ++i) {
    if (pool.instances[i]->state == InstanceState::kIdle) hand_over(pool, *pool.instances[i]);
  }
}

void Scheduler::hand_over(Pool& pool, Instance& instance) {
  const ActivationIterator activation = pool.waiting.front();
  pool.waiting.pop_front();
  unqueue(activation);
  Packet envelope = std::move(activation->envelope);
  activation->runs_at = &instance;

  idle_.erase(instance.idle_place);
  idle_held_ -= pool.need;
  pool.share->idle -= pool.need;
  ++busy_;
  instance.state = InstanceState::kBusy;
  instance.activation = activation;
  instance.sent_event = false;
  begin_work(instance);
  instance.time_limit_ns = instance.since_ns + activation->timeout_ms * kNsPerMs;
  ++instance.runs;
  ++counters_.handed_over;
  invoker_.run(instance.id, std::move(envelope));
}

// learn_service_time: an instance's first call has its keys fetched and its code loaded; it stands for the
// others only as long as there is none.
void Scheduler::learn_service_time(Pool& pool, std::uint64_t took_ns, bool first_call) {
  if (pool.service_ns == 0 || (pool.service_of_first_call && !first_call)) {
    pool.service_ns = took_ns;
    pool.service_of_first_call = first_call;
  } else if (!first_call) {
    pool.service_ns = (7 * pool.service_ns + took_ns) / 8;
  }
}

// check_continues: the output belongs to what the instance was handed, and leads onwards.
Status Scheduler::check_continues(const Activation& activation, const Header& header) const {
  const bool same = header.activation == activation.id && header.chain == activation.chain &&
                    header.chain_digest == activation.chain_digest && header.steps == activation.steps;
  if (!same) return Error{ErrorCode::kDenied, "controller.output.activation"};
  const unsigned next = activation.step + 1u;
  const bool onwards = (header.kind == Kind::kRequest && header.step == next && next < header.steps) ||
                       (header.kind == Kind::kResult && header.step == next && next == header.steps) ||
                       (header.kind == Kind::kEnd && header.step == activation.step);
  if (!onwards) return Error{ErrorCode::kDenied, "controller.output.step"};
  return {};
}

// served: the instance has dealt with its envelope, and takes the next one, unless it has to go.
void Scheduler::served(Instance& instance) {
  Pool& pool = *instance.pool;
  set_idle(instance);
  const bool only_refuses = instance.refusals >= (instance.succeeded ? kRefusalsInARowMax : 1);
  if (only_refuses) {
    ++counters_.stopped_for_refusals;
    stop_instance(instance);
  } else if (instance.last_run) {
    stop_instance(instance);
  } else if (should_yield(pool)) {
    ++counters_.stopped_for_turns;
    stop_instance(instance);
    start_where_wanted();
  }
  dispatch(pool);
  if (hungry_ == nullptr && wants_instance(pool)) start_instance(pool);
}

void Scheduler::instance_retires(InstanceId id) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  if (found->second->state != InstanceState::kBusy)
    return misbehaved(*found->second, "retired without an envelope");
  found->second->last_run = true;
}

void Scheduler::instance_output(InstanceId id, Packet envelope) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  Instance& instance = *found->second;
  if (instance.state != InstanceState::kBusy) return misbehaved(instance, "output without an envelope");
  const ActivationIterator activation = instance.activation;
  const auto header = wire::decode_header(envelope.view());
  if (!header) return misbehaved(instance, "malformed output");
  if (const Status continues = check_continues(*activation, *header); !continues)
    return misbehaved(instance, continues.error().site);

  const std::uint64_t took_ns = clock_.monotonic_ns() - instance.since_ns;
  Pool& pool = *instance.pool;
  learn_service_time(pool, took_ns, instance.runs == 1);
  activation->runs_at = nullptr;
  instance.succeeded = true;
  instance.refusals = 0;
  served(instance);

  if (activation->gateway_gone) return forget(activation);
  if (header->kind == Kind::kRequest) return enqueue(activation, *header, std::move(envelope));
  ++counters_.done;
  answers_.done(activation->request, std::move(envelope));
  forget(activation);
}

void Scheduler::instance_event(InstanceId id, Packet envelope) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  Instance& instance = *found->second;
  if (instance.state != InstanceState::kBusy || std::exchange(instance.sent_event, true)) {
    return misbehaved(instance, "event without an envelope");
  }
  const Activation& activation = *instance.activation;
  const auto header = wire::decode_header(envelope.view());
  const bool own = header && header->kind == Kind::kEvent && header->activation == activation.id &&
                   header->chain == activation.chain && header->chain_digest == activation.chain_digest &&
                   header->step == activation.step;
  if (!own) return misbehaved(instance, "foreign event");
  if (!activation.gateway_gone) answers_.event(activation.request, std::move(envelope));
}

// instance_refused: an instance that refuses is still sound when others of the chain forged or delayed the
// envelope. One that has nothing but refusals to show is not: it may hold no keys for what it is used for,
// and would refuse for as long as it is kept.
void Scheduler::instance_refused(InstanceId id, ErrorCode code, std::string_view site) {
  const auto found = instances_.find(std::to_underlying(id));
  if (found == instances_.end()) return;
  Instance& instance = *found->second;
  if (instance.state != InstanceState::kBusy) return misbehaved(instance, "refusal without an envelope");
  ++counters_.refused_by_instance;
  const ActivationIterator activation = instance.activation;
  activation->runs_at = nullptr;
  ++instance.refusals;
  served(instance);
  const bool late = code == ErrorCode::kDeadline;
  fail(activation, late ? PlatformErrorCode::kTimeout : PlatformErrorCode::kRefused,
       std::string(name(code)) + " at " + std::string(site));
}

void Scheduler::fail(ActivationIterator activation, PlatformErrorCode code, std::string_view text) {
  ++counters_.failed;
  if (code == PlatformErrorCode::kNoCapacity) ++counters_.no_capacity;
  if (!activation->gateway_gone)
    answers_.failed(activation->request, {code, activation->step, std::string(text)});
  forget(activation);
}

// forget ends an activation that waits nowhere and runs nowhere.
void Scheduler::forget(ActivationIterator activation) {
  CHECK(activation->waiting_in == nullptr && activation->runs_at == nullptr);
  --activation->share->activations;
  by_id_.erase(activation->id);
  activations_.erase(activation);
}

void Scheduler::unqueue(ActivationIterator activation) {
  waiting_bytes_ -= activation->envelope.size();
  --waiting_;
  activation->share->waiting_bytes -= activation->envelope.size();
  activation->share->waiting.erase(activation->place_in_share);
  activation->waiting_in = nullptr;
}

void Scheduler::drop_waiting(Pool& pool, PlatformErrorCode code, std::string_view text) {
  for (const ActivationIterator activation : std::exchange(pool.waiting, {})) {
    unqueue(activation);
    fail(activation, code, text);
  }
}

void Scheduler::client_gone(ClientId client) {
  for (auto it = activations_.begin(); it != activations_.end();) {
    const auto activation = it++;
    if (activation->request.client != client) continue;
    activation->gateway_gone = true;
    if (Pool* pool = activation->waiting_in) {
      std::erase(pool->waiting, activation);
      unqueue(activation);
      forget(activation);
    }
  }
}

}  // namespace clemmys::controller
