#include "hostile_controller.h"

#include <algorithm>
#include <fstream>

#include "hostile_envelopes.h"

namespace clemmys::testing {

using controller::InstanceId;
using controller::Packet;
using controller::Request;
using wire::Header;
using wire::Kind;

namespace {

// starts_afresh: the attack concerns a start, so instances that run are ended first.
bool starts_afresh(std::string_view attack) {
  constexpr std::string_view kOnes[] = {"wrong-image",      "fresh-start",      "old-revision",
                                        "other-assignment", "replay-elsewhere", "fake-kms"};
  return attack.starts_with("kms-") || std::ranges::find(kOnes, attack) != std::end(kOnes);
}

constexpr InstanceId kOwnInstance{1ull << 32};  // beyond all of the scheduler's

}  // namespace

Attack Attack::now() {
  Attack attack;
  std::ifstream("attack") >> attack.name >> attack.number;
  return attack;
}

void Attack::log(const std::string& line) { std::ofstream("attack.log", std::ios::app) << line << std::endl; }

const Recorded* HostileController::earlier(Way way, const std::function<bool(const Header&)>& fits) const {
  const auto found = std::find_if(recorded_.rbegin(), recorded_.rend(),
                                  [&](const Recorded& each) { return each.way == way && fits(each.header); });
  return found == recorded_.rend() ? nullptr : &*found;
}

void HostileController::run(Request request, Packet envelope) {
  if (const auto header = wire::decode_header(envelope.view())) requests_[header->activation] = request;
  const bool fresh = starts_afresh(Attack::now().name);
  if (std::exchange(spoiled_, fresh) || fresh) scheduler->stop_all();
  scheduler->run(request, std::move(envelope));
}

void HostileController::run(InstanceId instance, Packet envelope) {
  const Header header = *wire::decode_header(envelope.view());
  InstanceNumber target = std::to_underlying(instance);
  Bytes bytes = tampered(header, envelope.view(), target);
  if (bytes.empty()) {
    bytes = to_bytes(envelope.view());
  } else {
    Attack::log("applied " + Attack::now().name);
    tampered_[target] = Attack::now().name;
  }
  recorded_.push_back({Way::kToInstance, header, to_bytes(envelope.view())});
  last_input_[target] = bytes;
  if (target != std::to_underlying(instance)) stands_for_[target] = std::to_underlying(instance);
  if (own_instance->serves(InstanceId{target})) return own_instance->run(Packet::copy_of(bytes));
  invoker->run(InstanceId{target}, Packet::copy_of(bytes));
}

void HostileController::instance_ready(InstanceId instance, const controller::StartTimes& times) {
  if (instance == kOwnInstance)
    return invoker->run(instance, Packet::copy_of(last_input_[rerun_of_.value()]));
  scheduler->instance_ready(instance, times);
}

// answer_early gives the gateway an output that was meant for another function.
bool HostileController::answer_early(const Header& header, ByteView envelope) {
  const std::string attack = Attack::now().name;
  if (header.kind != Kind::kRequest || !attack.starts_with("intermediate")) return false;
  const Request request = requests_[header.activation];
  Attack::log("applied " + attack);
  gateway->done(request,
                Packet::copy_of(attack == "intermediate" ? to_bytes(envelope) : as_answer(envelope)));
  return true;
}

// pass_on leads an output of an instance that stands for another to where a chain would lead it, past a
// scheduler that expects something else.
void HostileController::pass_on(InstanceNumber number, const Header& header, Packet envelope) {
  const InstanceNumber stood_for = stands_for_.extract(number).mapped();
  if (header.kind != Kind::kRequest) {
    gateway->done(requests_[header.activation], std::move(envelope));
    return scheduler->instance_refused(InstanceId{stood_for}, ErrorCode::kDenied, "hostile.done");
  }
  for (const auto& [next, spec] : specs_) {
    if (spec.assignment.function != header.receiver) continue;
    if (next != stood_for) stands_for_[next] = stood_for;
    return invoker->run(InstanceId{next}, std::move(envelope));
  }
}

void HostileController::instance_output(InstanceId instance, Packet envelope) {
  if (instance == kOwnInstance) return take_second(std::move(envelope));
  if (rerun_elsewhere(std::to_underlying(instance))) return;
  const InstanceNumber number = std::to_underlying(instance);
  const Attack attack = Attack::now();
  const auto header = wire::decode_header(envelope.view());
  if (attack.name == "twice" && !held_output_) {
    held_output_ = {number, to_bytes(envelope.view())};
    Attack::log("applied twice");
    return invoker->run(instance, Packet::copy_of(last_input_[number]));
  }
  if (held_output_) {
    Attack::log("succeeded twice");
    held_output_.reset();
  }
  if (const auto how = tampered_.extract(number)) Attack::log("succeeded " + how.mapped());
  if (header && stands_for_.contains(number)) return pass_on(number, *header, std::move(envelope));
  if (header && answer_early(*header, envelope.view())) {
    // The gateway has had its answer; the chain goes on unheard.
  }
  scheduler->instance_output(instance, std::move(envelope));
}

bool HostileController::rerun_elsewhere(InstanceNumber number) {
  if (Attack::now().name != "rerun-elsewhere" || rerun_of_) return false;
  Attack::log("applied rerun-elsewhere");
  rerun_of_ = number;
  return invoker->start(kOwnInstance, specs_.at(number)).has_value();
}

void HostileController::take_second(Packet output) {
  Attack::log("succeeded rerun-elsewhere");
  const InstanceId first{std::exchange(rerun_of_, std::nullopt).value()};
  invoker->stop(kOwnInstance);
  scheduler->instance_output(first, std::move(output));
}

void HostileController::instance_event(InstanceId instance, Packet envelope) {
  if (instance == kOwnInstance) return;
  const InstanceNumber number = std::to_underlying(instance);
  // A scheduler that sees an event of another activation would end the instance before its output.
  if (held_output_ || stands_for_.contains(number) || tampered_.contains(number)) return;
  scheduler->instance_event(instance, std::move(envelope));
}

void HostileController::instance_refused(InstanceId instance, ErrorCode code, std::string_view site) {
  Attack::log("refused " + std::string(name(code)) + " " + std::string(site));
  InstanceNumber number = std::to_underlying(instance);
  tampered_.erase(number);
  if (held_output_ && held_output_->first == number) {
    const auto output = std::exchange(held_output_, std::nullopt);
    return scheduler->instance_output(instance, Packet::copy_of(output->second));
  }
  if (const auto stands = stands_for_.find(number); stands != stands_for_.end()) {
    number = stands->second;
    stands_for_.erase(stands);
  }
  scheduler->instance_refused(InstanceId{number}, code, site);
}

void HostileController::instance_ended(InstanceId instance, controller::InstanceEnd how,
                                       std::string_view why) {
  Attack::log("ended " + std::string(why));
  if (instance == kOwnInstance) return;
  specs_.erase(std::to_underlying(instance));
  scheduler->instance_ended(instance, how, why);
}

void HostileController::event(Request request, Packet envelope) {
  const Attack attack = Attack::now();
  const Header header = *wire::decode_header(envelope.view());
  const Recorded* other = earlier(Way::kEvent, [&](const Header& h) {
    return h.chain == header.chain && h.activation != header.activation;
  });
  recorded_.push_back({Way::kEvent, header, to_bytes(envelope.view())});
  if (attack.name == "drop-event") return Attack::log("applied drop-event");
  if (attack.name.starts_with("other-event") && other != nullptr) {
    Attack::log("applied " + attack.name);
    if (attack.name == "other-event") return gateway->event(request, Packet::copy_of(other->bytes));
    return gateway->event(request, Packet::copy_of(relabel(other->bytes, [&](Header& h) {
                            h.activation = header.activation, h.deadline_unix_ms = header.deadline_unix_ms;
                          })));
  }
  gateway->event(request, std::move(envelope));
}

void HostileController::done(Request request, Packet envelope) {
  const Attack attack = Attack::now();
  const Header header = *wire::decode_header(envelope.view());
  const Recorded* other = earlier(Way::kToGateway, [&](const Header& h) {
    return h.chain == header.chain && h.activation != header.activation;
  });
  recorded_.push_back({Way::kToGateway, header, to_bytes(envelope.view())});
  const auto give = [&](const Bytes& bytes) {
    Attack::log("applied " + attack.name);
    gateway->done(request, Packet::copy_of(bytes));
  };
  if (attack.name == "flip-answer") return give(flip(envelope.view(), attack.number));
  if (attack.name == "splice-answer" && other != nullptr && other->bytes.size() == envelope.size())
    return give(splice(envelope.view(), other->bytes));
  if (attack.name == "other-answer" && other != nullptr) return give(other->bytes);
  if (attack.name == "other-answer-relabelled" && other != nullptr) {
    return give(relabel(other->bytes, [&](Header& h) {
      h.activation = header.activation, h.deadline_unix_ms = header.deadline_unix_ms;
    }));
  }
  if (attack.name == "event-as-end") {
    const Recorded* own =
        earlier(Way::kEvent, [&](const Header& h) { return h.activation == header.activation; });
    if (own != nullptr) return give(relabel(own->bytes, [](Header& h) { h.kind = Kind::kEnd; }));
  }
  if (attack.name == "second-answer" && other != nullptr) {
    const Bytes second = relabel(other->bytes, [&](Header& h) {
      h.activation = header.activation, h.deadline_unix_ms = header.deadline_unix_ms;
    });
    gateway->done(request, std::move(envelope));
    return give(second);
  }
  if (attack.name == "forged-failure") {
    Attack::log("applied forged-failure");
    return gateway->failed(request, {wire::PlatformErrorCode::kInstanceDied, 0, R"({"trace":["forged"]})"});
  }
  gateway->done(request, std::move(envelope));
}

}  // namespace clemmys::testing
