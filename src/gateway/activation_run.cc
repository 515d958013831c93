#include "gateway/activation_run.h"

#include "base/log.h"

namespace clemmys::gateway {
namespace {

// kAnswerGraceMs: an answer that left in time may arrive this much after its deadline.
constexpr std::uint64_t kAnswerGraceMs = 2'000;

Bytes put_body(const wire::StoredRecord& record) {
  Writer writer;
  wire::write(writer, record);
  return writer.take();
}

}  // namespace

ActivationRun::ActivationRun(std::shared_ptr<const ApiContext> context, InvocationInput input,
                             std::shared_ptr<std::size_t> in_flight, Throttle::Ticket ticket)
    : context_(std::move(context)),
      owner_(input.owner),
      in_flight_(std::move(in_flight)),
      ticket_(std::move(ticket)),
      invocation_(std::move(input)) {
  ++*in_flight_;
  context_->metrics.activations.add();
  context_->metrics.activations_open.add();
  context_->open.insert(invocation_.activation());
}

ActivationRun::~ActivationRun() {
  --*in_flight_;
  context_->metrics.activations_open.subtract();
  context_->open.erase(invocation_.activation());
}

Bytes ActivationRun::pending_record() const {
  return put_body(seal_record(invocation_.pending(), wire::RecordState::kPending, *owner_));
}

OneShot<ActivationRun::Wait>& ActivationRun::wait_until(std::uint64_t unix_ms) {
  waiter_.emplace();
  wait_until_unix_ms_ = unix_ms;
  if (finished_) wake(Wait::kFinished);
  return *waiter_;
}

void ActivationRun::stop_waiting() { wake(Wait::kStillRunning); }

void ActivationRun::wake(Wait outcome) {
  if (!waiter_ || std::exchange(woken_, true)) return;
  waiter_->set(outcome);  // may run the rest of the HTTP request
}

void ActivationRun::on_event(ByteView envelope) {
  if (auto taken = invocation_.take_event(envelope); !taken) {
    context_->metrics.events_refused.add();
    log_warning(taken.error().site);
  }
}

void ActivationRun::on_end(wire::ControllerFrame type, ByteView body) {
  if (finished_) return;
  const std::uint64_t now = context_->time.unix_ms();
  wire::PlatformError error{.code = wire::PlatformErrorCode::kRefused};
  if (type == wire::ControllerFrame::kDone) {
    if (auto finished = invocation_.finish(body, now)) {
      finished_ = std::move(*finished);
    } else {
      context_->metrics.answers_refused.add();
      log_warning(finished.error().site);
    }
  } else if (auto decoded = wire::decode_platform_error(body)) {
    error = std::move(*decoded);
  }
  if (!finished_) {
    context_->metrics.activations_failed.add();
    finished_ = invocation_.fail(error, now);
  }
  store(finished_->record);
  for (const ActivationRecord& component : finished_->components) store(component);
  // Nobody is answered before the records are out of this process: its end loses no finished activation.
  context_->controller.when_sent([self = shared_from_this()] { self->wake(Wait::kFinished); });
}

bool ActivationRun::on_tick(std::uint64_t now_unix_ms) {
  if (waiter_ && now_unix_ms >= wait_until_unix_ms_) wake(Wait::kStillRunning);
  return now_unix_ms <= invocation_.deadline_unix_ms() + kAnswerGraceMs;
}

void ActivationRun::store(const ActivationRecord& record) {
  context_->controller.notify(wire::ControllerFrame::kPutRecord,
                              put_body(seal_record(record, wire::RecordState::kFinished, *owner_)));
}

}  // namespace clemmys::gateway
