// api.h: the HTTP API on one worker. admit() looks at a request's head alone (route, user, right, size of
// body), so that nobody unknown makes the gateway take a body in; handle() does the work. Everything runs on
// the worker's thread.
#pragma once

#include <functional>
#include <memory>
#include <unordered_set>
#include <variant>

#include "base/clock.h"
#include "gateway/action_json.h"
#include "gateway/errors.h"
#include "gateway/links.h"
#include "gateway/metrics.h"
#include "gateway/router.h"
#include "gateway/throttle.h"
#include "gateway/view.h"

namespace clemmys::gateway {

struct ApiLimits {
  std::size_t payload_size_max = wire::kPayloadSizeMaxDefault;
  std::size_t code_size_max = wire::kCodeSizeMax;
  std::size_t in_flight_max = 8192;  // activations per worker
  std::uint64_t blocking_wait_ms_max = 60'000;
  NamespaceLimits per_namespace;
};

// TimeSource is wall time, never earlier than the highest time that the KMS has journaled.
class TimeSource {
 public:
  explicit TimeSource(const Clock& clock) : clock_(clock) {}
  std::uint64_t unix_ms() const {
    return std::max(clock_.unix_ms(), floor_ms_.load(std::memory_order_relaxed));
  }
  void raise_floor(std::uint64_t unix_ms) {
    std::uint64_t seen = floor_ms_.load(std::memory_order_relaxed);
    while (seen < unix_ms && !floor_ms_.compare_exchange_weak(seen, unix_ms)) {
    }
  }

 private:
  const Clock& clock_;
  std::atomic<std::uint64_t> floor_ms_{0};
};

// OpenActivations is the set of activations that some worker of this process waits for: their pending records
// are not lost.
class OpenActivations {
 public:
  void insert(const ActivationId& id);
  void erase(const ActivationId& id);
  bool contains(const ActivationId& id) const;

 private:
  mutable std::mutex mutex_;
  struct Hash {
    std::size_t operator()(const ActivationId& id) const;
  };
  std::unordered_set<ActivationId, Hash> ids_;
};

// Api's surroundings. `after` calls a function on this worker's thread once the time has passed.
struct ApiContext {
  const View& view;
  ControllerLink& controller;
  KmsLink& kms;
  const TimeSource& time;
  Metrics& metrics;
  OpenActivations& open;
  Throttle& throttle;
  std::function<void(std::uint64_t delay_ms, std::function<void()>)> after;
  std::function<Result<Measurement>(ByteView image_file)> measure_image;
  ApiLimits limits;
};

// Admitted is a request that may bring its body.
struct Admitted {
  Route route;
  std::shared_ptr<const Snapshot> snapshot;
  const wire::User* user = nullptr;  // null where no authentication is needed; lives with the snapshot
  std::size_t body_size_max = 0;
};

class LastingRuns;

class Api {
 public:
  explicit Api(ApiContext context);

  std::variant<Admitted, HttpResponse> admit(const HttpRequest& head);
  Task<HttpResponse> handle(const Admitted& admitted, const HttpRequest& request);

 private:
  Task<HttpResponse> get_actions(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> get_action(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> put_action(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> delete_action(const Admitted& call, const HttpRequest& request);
  // store_code takes the code that a client sent, and fills image, digest, size and id in; fetch_code gives
  // it back. drop_code lets the store forget sealed code, drop_code_later once nobody can want it any more.
  Task<Status> store_code(ActionPut& put);
  Task<Result<Bytes>> fetch_code(const Snapshot& snapshot, const wire::Action& action);
  void drop_code(const wire::CodeId& id);
  void drop_code_later(const wire::CodeId& id);
  // retire_chains tells the controller, once nobody can use them any more, which chains of the namespace are
  // no longer those of `before`: of an action that changed, and of the sequences that hold it.
  void retire_chains(const Snapshot& before, const std::string& namespace_name);
  Task<HttpResponse> invoke(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> get_activations(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> get_activation(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> evidence(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> claim(const Admitted& call, const HttpRequest& request);
  Task<HttpResponse> status(const Admitted& call, const HttpRequest& request);

  const std::shared_ptr<const ApiContext> shared_context_;  // runs hold it, too: they may outlive the Api
  const ApiContext& context_;
  ViewReader view_;
  const std::shared_ptr<LastingRuns> lasting_;
  std::shared_ptr<std::size_t> in_flight_ = std::make_shared<std::size_t>(0);
};

}  // namespace clemmys::gateway
