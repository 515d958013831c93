// instance.h: one function enclave's host process with its link: the frames of wire/links.h InstanceFrame on
// one side, controller/invoker.h's events on the other. Threads: the loop's only. Invariants: exactly one
// end: either stop(), after which nothing is reported, or one `ended`, after which the process is reaped. The
// process never outlives this object by more than its own dying.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "base/clock.h"
#include "controller/invoker.h"
#include "controller/link.h"
#include "controller/store.h"
#include "invoker/host_processes.h"
#include "invoker/kms_relay.h"
#include "wire/handover.h"

namespace clemmys::invoker {

struct InstanceContext {
  controller::Loop& loop;
  const Clock& clock;
  KmsRelay& kms;
  controller::Store& store;  // where sealed code is
  controller::InstanceEvents* events;
};

class Instance {
 public:
  using Ended = std::function<void(controller::InstanceEnd how, std::string_view why)>;
  // start hands image and assignment to a process that waits for them, or kPrewarm when the assignment names
  // no function. `ended` runs once, from the loop, when the process has ended by itself or broke the
  // protocol; it may destroy the instance.
  static Result<std::unique_ptr<Instance>> start(const InstanceContext& context, controller::InstanceId id,
                                                 std::uint64_t decided_ns,
                                                 const controller::InstanceSpec& spec, HostProcess process,
                                                 const wire::Handover& handover, Ended ended);
  ~Instance();  // kills the process; it is reaped from the loop
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // adopt gives a prewarmed instance, which is ready, a function for life and whoever hears of it from now
  // on; instance_ready follows from the loop.
  void adopt(controller::InstanceId id, controller::InstanceEvents& events, Ended ended,
             const controller::InstanceSpec& spec);
  void run(controller::Packet envelope);
  pid_t process() const;
  // check_memory kills the process when it holds more than its specification allows.
  void check_memory();

 private:
  struct State;
  explicit Instance(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::invoker
