// The way of an envelope: accepted, waiting, handed over, answered. Instances come and go in
// scheduler_capacity.cc.
#include "controller/scheduler.h"

#include <algorithm>

#include "base/log.h"
#include "controller/scheduler_state.h"

namespace clemmys::controller {

using wire::Header;
using wire::Kind;
using wire::PlatformErrorCode;

Scheduler::Scheduler(const SchedulerLimits& limits, const Clock& clock, Invoker& invoker, Answers& answers)
    : limits_(limits), clock_(clock), invoker_(invoker), answers_(answers) {}

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
    answers_.failed(request, {code, 0, std::string(text)});
  };
  const auto header = wire::decode_header(envelope.view());
  if (!header) return refuse(PlatformErrorCode::kRefused, header.error().site);
  if (const Status checked = check_request(*header); !checked) {
    const bool late = checked.error().code == ErrorCode::kDeadline;
    return refuse(late ? PlatformErrorCode::kTimeout : PlatformErrorCode::kRefused, checked.error().site);
  }
  const PoolKey key{header->receiver, header->image, header->chain, header->memory_mib};
  const auto pool = pools_.find(key);
  if (pool != pools_.end() && pool->second->waiting.size() >= limits_.waiting_per_function_max) {
    return refuse(PlatformErrorCode::kNoCapacity, "controller.run.function_queue");
  }
  if (waiting_ >= limits_.waiting_max || waiting_bytes_ + envelope.size() > limits_.waiting_bytes_max) {
    return refuse(PlatformErrorCode::kNoCapacity, "controller.run.queue");
  }
  ++counters_.accepted;
  Activation& activation = activations_.emplace_back();
  activation.id = header->activation;
  activation.request = request;
  activation.chain = header->chain;
  activation.chain_digest = header->chain_digest;
  activation.steps = header->steps;
  activation.deadline_unix_ms = header->deadline_unix_ms;
  const auto place = std::prev(activations_.end());
  by_id_.emplace(activation.id, place);
  enqueue(place, *header, std::move(envelope));
}

void Scheduler::enqueue(ActivationIterator activation, const Header& header, Packet envelope) {
  activation->step = header.step;
  if (header.payload_size > wire::padme(limits_.payload_size_max + kPayloadRoom)) {
    return fail(activation, PlatformErrorCode::kRefused, "controller.run.payload_size");
  }
  if (header.timeout_ms > limits_.timeout_ms_max)
    return fail(activation, PlatformErrorCode::kRefused, "controller.run.timeout");
  if (header.memory_mib > limits_.memory_mib_max)
    return fail(activation, PlatformErrorCode::kNoCapacity, "controller.run.memory");

  const PoolKey key{header.receiver, header.image, header.chain, header.memory_mib};
  auto& pool = pools_[key];
  if (!pool) {
    pool = std::make_unique<Pool>();
    pool->key = key;
  }
  activation->waiting_in = pool.get();
  activation->waiting_since_ns = clock_.monotonic_ns();
  activation->timeout_ms = header.timeout_ms;
  waiting_bytes_ += envelope.size();
  ++waiting_;
  activation->envelope = std::move(envelope);
  pool->waiting.push_back(activation);
  dispatch(*pool);
  if (wants_instance(*pool)) start_instance(*pool);
}

void Scheduler::dispatch(Pool& pool) {
  for (std::size_t i = 0; i < pool.instances.size() && !pool.waiting.empty(); ++i) {
    if (pool.instances[i]->state == InstanceState::kIdle) hand_over(pool, *pool.instances[i]);
  }
}

void Scheduler::hand_over(Pool& pool, Instance& instance) {
  const ActivationIterator activation = pool.waiting.front();
  pool.waiting.pop_front();
  Packet envelope = std::move(activation->envelope);
  --waiting_;
  waiting_bytes_ -= envelope.size();
  activation->waiting_in = nullptr;
  activation->runs_at = &instance;

  idle_.erase(instance.idle_place);
  ++busy_;
  instance.state = InstanceState::kBusy;
  instance.activation = activation;
  instance.sent_event = false;
  instance.since_ns = clock_.monotonic_ns();
  instance.time_limit_ns = instance.since_ns + activation->timeout_ms * kNsPerMs;
  ++instance.runs;
  ++counters_.handed_over;
  invoker_.run(instance.id, std::move(envelope));
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
  pool.service_ns = pool.service_ns == 0 ? took_ns : (7 * pool.service_ns + took_ns) / 8;
  activation->runs_at = nullptr;
  instance.succeeded = true;
  instance.refusals = 0;
  set_idle(instance);
  dispatch(pool);

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
  Pool& pool = *instance.pool;
  const ActivationIterator activation = instance.activation;
  activation->runs_at = nullptr;
  set_idle(instance);
  if (++instance.refusals >= (instance.succeeded ? kRefusalsInARowMax : 1)) {
    ++counters_.stopped_for_refusals;
    stop_instance(instance);
  }
  dispatch(pool);
  if (wants_instance(pool)) start_instance(pool);
  const bool late = code == ErrorCode::kDeadline;
  fail(activation, late ? PlatformErrorCode::kTimeout : PlatformErrorCode::kRefused,
       std::string(name(code)) + " at " + std::string(site));
}

void Scheduler::fail(ActivationIterator activation, PlatformErrorCode code, std::string_view text) {
  ++counters_.failed;
  if (!activation->gateway_gone)
    answers_.failed(activation->request, {code, activation->step, std::string(text)});
  forget(activation);
}

// forget ends an activation that waits nowhere and runs nowhere.
void Scheduler::forget(ActivationIterator activation) {
  CHECK(activation->waiting_in == nullptr && activation->runs_at == nullptr);
  by_id_.erase(activation->id);
  activations_.erase(activation);
}

void Scheduler::unqueue(ActivationIterator activation) {
  waiting_bytes_ -= activation->envelope.size();
  --waiting_;
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
