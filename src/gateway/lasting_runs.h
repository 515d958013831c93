// lasting_runs.h: the pending records of activations whose client waits. Such a record matters when the
// gateway ends before the activation does, so it is stored only for those that last: most have finished
// before, and their one record says all. Nobody relies on it until then; what a client was promised is stored
// at once (api_invoke.cc). One worker's thread.
#pragma once

#include <memory>
#include <vector>

#include "gateway/activation_run.h"

namespace clemmys::gateway {

class LastingRuns : public std::enable_shared_from_this<LastingRuns> {
 public:
  explicit LastingRuns(std::shared_ptr<const ApiContext> context) : context_(std::move(context)) {}

  // kAfterMs: a record is stored once its run has lasted this long, before twice as long.
  static constexpr std::uint64_t kAfterMs = 10;
  void watch(std::weak_ptr<ActivationRun> run);

 private:
  void turn();

  const std::shared_ptr<const ApiContext> context_;
  std::vector<std::weak_ptr<ActivationRun>> young_, old_;  // begun in this turn, in the one before
  bool turning_ = false;
};

}  // namespace clemmys::gateway
