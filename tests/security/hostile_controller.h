// hostile_controller.h: the real scheduler, gateway socket, store and invoker, with a hand at every place
// where the host could put one. Idea: whoever holds the file `attack` in the working folder says what the
// hand does; each time it does so it adds a line to `attack.log`, and so does each refusal by an instance. An
// attack that cannot be applied leaves no line, so a test can tell "stopped" from "not tried"; when an
// instance gives an output for what was done to its envelope, the line is "succeeded". Attacks: name, and for
// some a number.
//   to an instance: flip-request BIT, cut-request, grow-request, skip, again, back (and …-relabelled),
//   replay,
//     replay-elsewhere, twice, other-chain, other-payload, other-limits STEP, other-image STEP,
//     other-function, other-function-relabelled, other-instance STEP and other-instance-old-keys STEP
//     (another instance of the same function, which has keys of another chain)
//   to the gateway: flip-answer BIT, splice-answer, intermediate, intermediate-relabelled, other-answer,
//     other-answer-relabelled, event-as-end, second-answer, forged-failure
//   events: other-event, other-event-relabelled, drop-event
//   store: other-record, older-record, edit-record, changed-code, older-code, no-code
//   starting: wrong-image, fresh-start, old-revision, other-assignment, second-assignment
//   key service: see hostile_kms.h
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/gateway_server.h"
#include "controller/scheduler.h"
#include "own_instance.h"

namespace clemmys::testing {

// Attack is what the file says now.
struct Attack {
  std::string name;
  long number = 0;
  static Attack now();
  // applied writes the line; the text must not contain a line end.
  static void log(const std::string& line);
};

// Recorded is an envelope that passed, oldest first.
enum class Way : std::uint8_t { kToInstance, kToGateway, kEvent };
struct Recorded {
  Way way;
  wire::Header header;
  Bytes bytes;
};

class HostileController final : public controller::Runner,
                                public controller::Invoker,
                                public controller::InstanceEvents,
                                public controller::Answers {
 public:
  // The parts are set before anything arrives.
  controller::Scheduler* scheduler = nullptr;
  controller::Invoker* invoker = nullptr;
  controller::Answers* gateway = nullptr;
  OwnInstance* own_instance = nullptr;

  void run(controller::Request request, controller::Packet envelope) override;
  void client_gone(controller::ClientId client) override { scheduler->client_gone(client); }
  void retire(const ChainId& chain) override { scheduler->retire(chain); }
  std::string status_json() const override { return scheduler->status_json(); }

  Result<std::uint64_t> image_size(const Measurement& image) override { return invoker->image_size(image); }
  Status start(controller::InstanceId instance, const controller::InstanceSpec& spec) override;
  void run(controller::InstanceId instance, controller::Packet envelope) override;
  void stop(controller::InstanceId instance) override;

  void instance_ready(controller::InstanceId instance, const controller::StartTimes& times) override;
  void instance_output(controller::InstanceId instance, controller::Packet envelope) override;
  void instance_event(controller::InstanceId instance, controller::Packet envelope) override;
  void instance_retires(controller::InstanceId instance) override { scheduler->instance_retires(instance); }
  void instance_refused(controller::InstanceId instance, ErrorCode code, std::string_view site) override;
  void instance_ended(controller::InstanceId instance, controller::InstanceEnd how,
                      std::string_view why) override;

  void event(controller::Request request, controller::Packet envelope) override;
  void done(controller::Request request, controller::Packet envelope) override;
  void failed(controller::Request request, const wire::PlatformError& error) override {
    gateway->failed(request, error);
  }

  // latest_request is the newest envelope that went to an instance of this step; null: none did.
  const Recorded* latest_request(const ChainId& chain, std::uint16_t step) const {
    return earlier(Way::kToInstance,
                   [&](const wire::Header& h) { return h.chain == chain && h.step == step; });
  }

 private:
  using InstanceNumber = std::uint64_t;
  const Recorded* earlier(Way way, const std::function<bool(const wire::Header&)>& fits) const;
  // assign_own starts the hand's own instance for the first function; all later ones are assigned to it, too.
  Status assign_own(controller::InstanceId instance, const controller::InstanceSpec& spec);
  // tampered gives what is handed over instead of an envelope, and to whom; empty: nothing is done to it.
  Bytes tampered(const wire::Header& header, ByteView envelope, InstanceNumber& target) const;
  Bytes rerouted(const wire::Header& header, ByteView envelope, InstanceNumber& target) const;
  Bytes relabelled(const wire::Header& header, ByteView envelope) const;
  Bytes replaced(const wire::Header& header, InstanceNumber target) const;
  void pass_on(InstanceNumber number, const wire::Header& header, controller::Packet envelope);
  bool answer_early(const wire::Header& header, ByteView envelope);
  // rerun_elsewhere starts an instance of the hand's own for what `number` has just run;
  // take_second hands its output on in the place of the first.
  bool rerun_elsewhere(InstanceNumber number);
  void take_second(controller::Packet output);

  std::map<InstanceNumber, controller::InstanceSpec> specs_;
  std::map<InstanceNumber, InstanceNumber>
      stands_for_;        // who answers in whose name, while an envelope is at the wrong instance
  bool spoiled_ = false;  // the instances of the attack before are not what they should be
  std::map<InstanceNumber, std::string> tampered_;  // the attack on the envelope that is there now
  std::map<InstanceNumber, FunctionId> assigned_;   // whom the host told an instance to be, where it lied
  std::map<InstanceNumber, Bytes> last_input_;
  std::optional<std::pair<InstanceNumber, Bytes>>
      held_output_;                         // "twice": the first output, while the second run is tried
  std::optional<InstanceNumber> rerun_of_;  // while the hand's own instance runs the envelope of this one
  std::map<ActivationId, controller::Request> requests_;
  std::vector<Recorded> recorded_;
};

}  // namespace clemmys::testing
