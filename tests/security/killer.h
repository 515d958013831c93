// killer.h: a hand between the real scheduler and the real invoker that kills instances with SIGKILL, at a
// known step and in a known phase of a known activation. Idea: a shuffled deck holds each (step, phase) so
// and so many times; every few activations one more card may be played, at the next envelope for its step.
// What was done is one line of `kills.log` in the working folder: `kill STEP PHASE ACTIVATION`, or `lost
// ACTIVATION` for an envelope that was handed to an instance that was dead already. Threads: the loop's only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <fstream>
#include <functional>
#include <map>

#include "controller/invoker.h"
#include "invoker/local_invoker.h"

namespace clemmys::testing {

// kBeforeOpen: the instance is stopped, is handed the envelope, and is killed without having run again.
// kInHandler: it was seen in the handler's pause (nothing else in an instance waits with a time limit),
// stopped, and is there still. kAfterSeal: its output is in our hands, and goes on once the instance is dead.
enum class KillPhase : std::uint8_t { kBeforeOpen, kInHandler, kAfterSeal };

// KillPlan comes from the environment (CLEMMYS_TEST_KILLS, "SEED STEPS KILLS_PER_CARD SPACING TAMPERING").
struct KillPlan {
  std::uint64_t seed = 0;
  std::uint16_t steps = 0;
  unsigned kills_per_card = 0;
  unsigned spacing = 1;  // activations from one kill to the next
  std::string tampering =
      "honest";  // "resend": a killed instance's envelope runs again; "swap": two answers change places
  static KillPlan from_environment();
};

class Killer final : public controller::Invoker, public controller::InstanceEvents {
 public:
  // `listener` and the others outlive the killer.
  Killer(controller::Loop& loop, invoker::LocalInvoker& invoker, const KillPlan& plan);
  controller::InstanceEvents* listener = nullptr;

  Result<std::uint64_t> image_size(const Measurement& image) override { return invoker_.image_size(image); }
  Status start(controller::InstanceId instance, const controller::InstanceSpec& spec) override;
  void run(controller::InstanceId instance, controller::Packet envelope) override;
  void stop(controller::InstanceId instance) override;

  void instance_ready(controller::InstanceId instance, const controller::StartTimes& times) override;
  void instance_output(controller::InstanceId instance, controller::Packet envelope) override;
  void instance_event(controller::InstanceId instance, controller::Packet envelope) override;
  void instance_retires(controller::InstanceId instance) override;
  void instance_refused(controller::InstanceId instance, ErrorCode code, std::string_view site) override;
  void instance_ended(controller::InstanceId instance, controller::InstanceEnd how,
                      std::string_view why) override;

 private:
  using Number = std::uint64_t;
  struct Card {
    std::uint16_t step;
    KillPhase phase;
  };
  // Life is one instance as the scheduler knows it.
  struct Life {
    controller::InstanceSpec spec;
    bool killed = false, resent = false;
    std::optional<Card> card;             // to be played on the envelope that it has
    std::optional<wire::Header> running;  // of the envelope that it has
    Bytes envelope;                       // the same, for tampering
    controller::InstanceId process_of{};  // which of the invoker's instances stands for it
  };

  std::optional<Card> take_card(std::uint16_t step);
  void give_back(Life& life);
  void kill_before_open(Number number, Life& life, controller::Packet envelope);
  void watch(Number number);
  bool kill_in_handler(Life& life);
  void kill_now(Life& life);
  Number known_as(controller::InstanceId instance) const;
  bool resend(Life& life);
  controller::Packet swapped(controller::Packet answer);

  controller::Loop& loop_;
  invoker::LocalInvoker& invoker_;
  const KillPlan plan_;
  std::deque<Card> deck_, playable_;
  std::map<Number, Life> lives_;
  std::map<Number, Number> stands_for_;  // tampering: the invoker's instance → the scheduler's
  Number next_stand_in_ = 1ull << 40;
  unsigned activations_ = 0;
  Bytes held_answer_;
  std::ofstream log_{"kills.log", std::ios::app};
};

}  // namespace clemmys::testing
