// invoker.h: what the scheduler wants from whoever runs instances: here, processes of this machine
// (src/invoker); in a cluster, invokers on other machines. An instance is one function enclave with its host
// process; it runs one envelope at a time. Trust: untrusted on both sides. Threads: the controller's loop; no
// call runs a listener's function from inside.
#pragma once

#include <string_view>

#include "controller/packet.h"
#include "wire/links.h"

namespace clemmys::controller {

enum class InstanceId : std::uint64_t {};

// resident_mib_max is what the instance's process may hold of the host's memory, enclave and all.
struct InstanceSpec {
  Measurement image;
  wire::InstanceAssignment assignment;
  std::uint64_t resident_mib_max = 0;
  bool operator==(const InstanceSpec& other) const {
    return image == other.image && assignment.function == other.assignment.function &&
           assignment.memory_mib == other.assignment.memory_mib;
  }
};

// StartTimes are moments of one cold start, Clock::monotonic_ns; 0 where not reached. decided: the scheduler
// wanted it; spawned: the process exists; spoke: its first frame came, so the enclave is loaded and the
// runtime runs; session: its last question to the KMS before kReady was answered; ready: it takes envelopes.
// was_waiting: it had been started before it was wanted, which says nothing about what a start costs.
struct StartTimes {
  std::uint64_t decided_ns = 0, spawned_ns = 0, spoke_ns = 0, session_ns = 0, ready_ns = 0;
  bool was_waiting = false;
};

// InstanceEnd is why an instance ended, as far as its invoker can see.
enum class InstanceEnd : std::uint8_t {
  kItself,         // its program ended or crashed: the function's doing, unless the host lies
  kFromOutside,    // it was killed, or the platform could not run it
  kBrokeProtocol,  // it said on its link what no runtime says
  kOverMemory,     // it held more memory than its limit, or wanted more and had none to go on with
};

class InstanceEvents {
 public:
  virtual ~InstanceEvents() = default;
  virtual void instance_ready(InstanceId instance, const StartTimes& times) = 0;
  virtual void instance_output(InstanceId instance, Packet envelope) = 0;
  virtual void instance_event(InstanceId instance, Packet envelope) = 0;
  // instance_retires: the instance wants no envelope after the one that it has.
  virtual void instance_retires(InstanceId instance) = 0;
  virtual void instance_refused(InstanceId instance, ErrorCode code, std::string_view site) = 0;
  // instance_ended is the last event of an instance, also of one that never became ready. `why` is for the
  // operator's log and for the platform error; it holds nothing from inside the instance.
  virtual void instance_ended(InstanceId instance, InstanceEnd how, std::string_view why) = 0;
};

class Invoker {
 public:
  virtual ~Invoker() = default;
  // image_size is what an image's own pages take, in bytes, heap not counted. kNotFound when there is no such
  // image.
  virtual Result<std::uint64_t> image_size(const Measurement& image) = 0;
  // start begins a cold start. kNotFound when there is no such image; otherwise instance_ready or
  // instance_ended follows.
  virtual Status start(InstanceId instance, const InstanceSpec& spec) = 0;
  // run hands an envelope to a ready, idle instance; instance_output, instance_refused or instance_ended
  // follows.
  virtual void run(InstanceId instance, Packet envelope) = 0;
  // stop ends an instance at once; instance_ended does not follow.
  virtual void stop(InstanceId instance) = 0;
};

}  // namespace clemmys::controller
