#include "gateway/lasting_runs.h"

namespace clemmys::gateway {

void LastingRuns::watch(std::weak_ptr<ActivationRun> run) {
  young_.push_back(std::move(run));
  if (std::exchange(turning_, true)) return;
  context_->after(kAfterMs, [self = shared_from_this()] { self->turn(); });
}

void LastingRuns::turn() {
  for (const std::weak_ptr<ActivationRun>& each : old_) {
    const auto run = each.lock();
    if (run && !run->finished())
      context_->controller.notify(wire::ControllerFrame::kPutRecord, run->pending_record());
  }
  old_ = std::exchange(young_, {});
  turning_ = !old_.empty();
  if (turning_) context_->after(kAfterMs, [self = shared_from_this()] { self->turn(); });
}

}  // namespace clemmys::gateway
