// activation_run.h: an invocation on its way: it hears what the link brings, stores the finished records, and
// wakes whoever waits. It outlives the HTTP request that began it, and is held by shared_ptr. One worker's
// thread.
#pragma once

#include "gateway/api.h"
#include "gateway/invocation.h"

namespace clemmys::gateway {

class ActivationRun final : public RunListener, public std::enable_shared_from_this<ActivationRun> {
 public:
  enum class Wait : std::uint8_t { kFinished, kStillRunning };

  // `in_flight` is counted up, and `ticket` held, for the life of the run.
  ActivationRun(std::shared_ptr<const ApiContext> context, InvocationInput input,
                std::shared_ptr<std::size_t> in_flight, Throttle::Ticket ticket);
  ~ActivationRun() override;

  Invocation& invocation() { return invocation_; }
  const std::optional<Invocation::Finished>& finished() const { return finished_; }
  Bytes pending_record() const;  // a kPutRecord body

  // wait_until gives kFinished, or kStillRunning at about that time; at most one waiter.
  OneShot<Wait>& wait_until(std::uint64_t unix_ms);
  void stop_waiting();

  void on_event(ByteView envelope) override;
  void on_end(wire::ControllerFrame type, ByteView body) override;
  bool on_tick(std::uint64_t now_unix_ms) override;

 private:
  void wake(Wait outcome);
  void store(const ActivationRecord& record);

  const std::shared_ptr<const ApiContext> context_;
  NamespacePointer owner_;
  std::shared_ptr<std::size_t> in_flight_;
  Throttle::Ticket ticket_;
  Invocation invocation_;
  std::optional<Invocation::Finished> finished_;
  std::uint64_t wait_until_unix_ms_ = 0;
  std::optional<OneShot<Wait>> waiter_;
  bool woken_ = false;
};

}  // namespace clemmys::gateway
