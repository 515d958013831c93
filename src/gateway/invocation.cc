#include "gateway/invocation.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "gateway/answer_check.h"
#include "gateway/json.h"
#include "gateway/platform_failure.h"

namespace clemmys::gateway {
namespace {

constexpr std::string_view kLogWithheld = "stderr: the platform did not deliver the log of this activation\n";

ActivationStatus status_of(wire::Outcome outcome) {
  switch (outcome) {
    case wire::Outcome::kSuccess:
      return ActivationStatus::kSuccess;
    case wire::Outcome::kHandlerError:
      return ActivationStatus::kApplicationError;
    case wire::Outcome::kRuntimeFault:
    case wire::Outcome::kTimeExceeded:
    case wire::Outcome::kNone:
      break;
  }
  return ActivationStatus::kDeveloperError;
}

// set_result takes a function's result as it came; what claims to be JSON and is not is the function's error.
void set_result(ActivationRecord& record, wire::Outcome outcome, wire::ContentType type, ByteView body) {
  record.status = status_of(outcome);
  record.timed_out = outcome == wire::Outcome::kTimeExceeded;
  record.result_type = type;
  record.result = to_bytes(body);
  if (type != wire::ContentType::kJson) return;
  auto facts = inspect_json(as_text(body));
  if (facts && facts->shape != JsonShape::kOther) {
    if (facts->has_error && record.status == ActivationStatus::kSuccess)
      record.status = ActivationStatus::kApplicationError;
    return;
  }
  record.status = ActivationStatus::kDeveloperError;
  record.result =
      to_bytes(std::string_view(R"({"error":"The action did not produce a valid JSON response."})"));
}

// set_times clamps a step's claimed times into what the gateway itself saw.
void set_times(ActivationRecord& record, const wire::Event* event, std::uint64_t earliest,
               std::uint64_t now) {
  record.start_unix_ms =
      event ? std::clamp(event->start_unix_ms, earliest, std::max(earliest, now)) : earliest;
  record.end_unix_ms =
      event ? std::clamp(event->end_unix_ms, record.start_unix_ms, std::max(record.start_unix_ms, now))
            : std::max(record.start_unix_ms, now);
  record.duration_ms = record.end_unix_ms - record.start_unix_ms;
  record.wait_ms = record.start_unix_ms - earliest;
  record.init_ms = event ? event->init_ms : 0;
}

}  // namespace

Invocation::Invocation(InvocationInput input) : input_(std::move(input)), blinding_(crypto::random_key()) {
  const wire::Chain& chain = *input_.chain;
  const wire::Action& action = *input_.action;
  events_.resize(chain.steps.size());

  pending_.activation = wire::new_activation_id(input_.now_unix_ms);
  pending_.namespace_name = input_.owner->name;
  pending_.subject = input_.subject;
  pending_.package = action.package;
  pending_.name = action.name;
  pending_.version = action.version;
  pending_.kind = action.kind;
  pending_.limits = action.limits;
  pending_.sequence = !action.components.empty();
  pending_.received_unix_ms = pending_.start_unix_ms = input_.now_unix_ms;
  pending_.chain = chain.id;
  pending_.chain_digest = chain.digest;
  pending_.deadline_unix_ms = input_.now_unix_ms + kQueueMarginMs;
  for (const wire::ChainStep& step : chain.steps) {
    pending_.deadline_unix_ms += step.timeout_ms;
    if (pending_.sequence) pending_.limits.memory_mib = std::max(pending_.limits.memory_mib, step.memory_mib);
  }

  const wire::ChainStep& first = chain.steps.front();
  header_ = {.kind = wire::Kind::kRequest,
             .step = 0,
             .steps = static_cast<std::uint16_t>(chain.steps.size()),
             .activation = pending_.activation,
             .chain = chain.id,
             .chain_digest = chain.digest,
             .receiver = first.function,
             .image = first.image,
             .memory_mib = first.memory_mib,
             .timeout_ms = first.timeout_ms,
             .deadline_unix_ms = pending_.deadline_unix_ms};
  input_digest_ = crypto::keyed_digest(blinding_, input_.body);
  wire::Payload payload;
  payload.content_type = input_.type;
  payload.body = std::move(input_.body);
  payload.blinding = blinding_.copy();
  envelope_ = wire::seal(header_, chain.first_edge, payload);
}

Status Invocation::take_event(ByteView envelope) {
  const wire::Header header = TRY(wire::decode_header(envelope));
  const wire::Chain& chain = *input_.chain;
  if (header.kind != wire::Kind::kEvent || header.activation != pending_.activation ||
      header.chain != chain.id || header.chain_digest != chain.digest || header.steps != chain.steps.size() ||
      header.step >= events_.size()) {
    return Error{ErrorCode::kCorrupt, "gateway.event.header"};
  }
  if (events_[header.step]) return Error{ErrorCode::kCorrupt, "gateway.event.second"};
  events_[header.step] = TRY(wire::open_event(envelope, chain.return_keys[header.step]));
  return {};
}

Result<wire::Payload> Invocation::open_answer(ByteView envelope, std::size_t& steps_run) const {
  const wire::Header header = TRY(wire::decode_header(envelope));
  const wire::Chain& chain = *input_.chain;
  const std::size_t steps = chain.steps.size();
  if (header.activation != pending_.activation || header.chain != chain.id ||
      header.chain_digest != chain.digest || header.steps != steps ||
      header.deadline_unix_ms != pending_.deadline_unix_ms || !header.receiver.is_zero() ||
      !header.image.is_zero()) {
    return Error{ErrorCode::kCorrupt, "gateway.answer.header"};
  }
  if (header.kind == wire::Kind::kResult && header.step == steps) {
    wire::Payload payload = TRY(wire::open(envelope, chain.last_edge));
    if (payload.outcome != wire::Outcome::kSuccess)
      return Error{ErrorCode::kCorrupt, "gateway.answer.outcome"};
    steps_run = steps;
    return payload;
  }
  if (header.kind == wire::Kind::kEnd && header.step < steps) {
    wire::Payload payload = TRY(wire::open(envelope, chain.return_keys[header.step]));
    if (!wire::is_error(payload.outcome)) return Error{ErrorCode::kCorrupt, "gateway.answer.outcome"};
    steps_run = header.step + 1u;
    return payload;
  }
  return Error{ErrorCode::kCorrupt, "gateway.answer.kind"};
}

const wire::Event* Invocation::event_of(std::size_t step, const wire::Payload& payload) const {
  if (!events_[step] || !answer_vouches_for(*events_[step], step, payload, blinding_)) return nullptr;
  return &*events_[step];
}

ActivationRecord Invocation::component_record(std::size_t step, const wire::Event* event,
                                              std::uint64_t start_unix_ms, std::uint64_t now_unix_ms) const {
  const wire::Chain& chain = *input_.chain;
  const wire::ChainStep& chain_step = chain.steps[step];
  ActivationRecord record = pending_;
  record.activation = wire::component_activation(chain.return_keys[step], pending_.activation);
  record.cause = pending_.activation;
  record.sequence = false;
  record.package.clear();
  record.name = chain_step.action;  // "namespace/[package/]name"
  if (record.name.starts_with('/')) record.name.erase(0, 1);
  record.name.erase(0, record.name.find('/') + 1);
  record.limits.memory_mib = chain_step.memory_mib;
  record.limits.timeout_ms = chain_step.timeout_ms;
  if (step < input_.components.size() && input_.components[step]) {
    const wire::Action& action = *input_.components[step];
    record.package = action.package;
    record.name = action.name;
    record.version = action.version;
    record.kind = action.kind;
    record.limits = action.limits;
  }
  set_times(record, event, start_unix_ms, now_unix_ms);
  if (event) {
    set_result(record, event->outcome, event->result_type, event->result);
    record.log = event->log;
  } else {
    record.log = to_bytes(kLogWithheld);
    record.result = to_bytes(std::string_view("{}"));
  }
  return record;
}

Result<Invocation::Finished> Invocation::finish(ByteView envelope, std::uint64_t now_unix_ms) {
  std::size_t steps_run = 0;
  const wire::Payload payload = TRY(open_answer(envelope, steps_run));
  TRY(check_receipts(payload, steps_run, {*input_.chain, header_, blinding_, input_digest_}));

  Finished finished;
  finished.record = pending_;
  ActivationRecord& record = finished.record;
  if (pending_.sequence) {
    std::uint64_t start = pending_.received_unix_ms, duration = 0;
    for (std::size_t i = 0; i < steps_run; ++i) {
      ActivationRecord component = component_record(i, event_of(i, payload), start, now_unix_ms);
      if (i + 1 == steps_run) set_result(component, payload.outcome, payload.content_type, payload.body);
      if (i == 0) record.start_unix_ms = component.start_unix_ms;
      start = component.end_unix_ms;
      duration += component.duration_ms;
      record.components.push_back(component.activation);
      finished.components.push_back(std::move(component));
    }
    record.end_unix_ms = start;
    record.duration_ms = duration;
  } else {
    const wire::Event* event = event_of(0, payload);
    set_times(record, event, pending_.received_unix_ms, now_unix_ms);
    record.log = event ? event->log : to_bytes(kLogWithheld);
  }
  set_result(record, payload.outcome, payload.content_type, payload.body);
  return finished;
}

Invocation::Finished Invocation::fail(const wire::PlatformError& error, std::uint64_t now_unix_ms) const {
  Finished finished;
  ActivationRecord& record = finished.record;
  record = pending_;
  record.end_unix_ms = std::max(record.start_unix_ms, now_unix_ms);
  record.duration_ms = record.end_unix_ms - record.start_unix_ms;
  set_failure(record, error);
  return finished;
}

}  // namespace clemmys::gateway
