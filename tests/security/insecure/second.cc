// second.cc: a gateway that takes a second answer to an activation as it took the first.
#include "gateway/activation_run.h"
#include "gateway/open_runs.h"

namespace clemmys::gateway {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: second";

std::shared_ptr<RunListener> take_run(OpenRuns& runs, std::uint64_t number) {
  const auto found = runs.find(number);
  return found == runs.end() ? nullptr : found->second;
}

void ActivationRun::on_end(wire::ControllerFrame type, ByteView body) {
  const std::uint64_t now = context_->time.unix_ms();
  if (type == wire::ControllerFrame::kDone) {
    if (auto finished = invocation_.finish(body, now)) finished_ = std::move(*finished);
  }
  if (!finished_) finished_ = invocation_.fail({.code = wire::PlatformErrorCode::kRefused}, now);
  store(finished_->record);
  for (const ActivationRecord& component : finished_->components) store(component);
  context_->controller.when_sent([self = shared_from_this()] { self->wake(Wait::kFinished); });
}

}  // namespace clemmys::gateway
