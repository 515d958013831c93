// prewarmed.h: instances of one generic image that have attested and wait for a function, so that a script's
// cold start is an assignment and not the start of an enclave. The scheduler does not know of them: to it, a
// start that takes one is a quick start. Trust: untrusted; an instance that says anything before it has a
// function is ended. Threads: the loop's only. Invariants: at most one of them starts at a time, and none
// within kRest after one was taken: whoever took it wants the processor now.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>

#include "invoker/instance.h"

namespace clemmys::invoker {

class Prewarmed final : public controller::InstanceEvents {
 public:
  // Start starts one instance without a function; `ended` is as in Instance::start.
  using Start = std::function<Result<std::unique_ptr<Instance>>(
      controller::InstanceId id, controller::InstanceEvents& events, Instance::Ended ended)>;
  // The relay outlives this object. Begins at once.
  Prewarmed(controller::Loop& loop, const KmsRelay& kms, std::size_t count, Start start);
  ~Prewarmed() override;

  // take gives an instance that is ready, or null. Those whose session the KMS may have lost are ended.
  std::unique_ptr<Instance> take();
  std::size_t ready_count() const;

  void instance_ready(controller::InstanceId id, const controller::StartTimes& times) override;
  void instance_output(controller::InstanceId id, controller::Packet envelope) override;
  void instance_event(controller::InstanceId id, controller::Packet envelope) override;
  void instance_retires(controller::InstanceId id) override;
  void instance_refused(controller::InstanceId id, ErrorCode code, std::string_view site) override;
  void instance_ended(controller::InstanceId id, controller::InstanceEnd how, std::string_view why) override;

 private:
  struct Waiting {
    std::unique_ptr<Instance> instance;
    bool ready = false;
    std::uint64_t kms_losses = 0;  // when it began its session
  };
  void start_one();
  void start_later(std::chrono::milliseconds delay);
  void drop(controller::InstanceId id);

  const KmsRelay& kms_;
  const std::size_t count_;
  const Start start_;
  boost::asio::steady_timer timer_;
  std::map<controller::InstanceId, Waiting> waiting_;
  std::uint64_t next_ = 1;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for handlers that are already queued
};

}  // namespace clemmys::invoker
