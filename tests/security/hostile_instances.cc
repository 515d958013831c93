// hostile_instances.cc: what the hand does to instances: which one is started, and what it is handed.
#include "hostile_controller.h"
#include "hostile_envelopes.h"

namespace clemmys::testing {

using controller::InstanceId;
using wire::Header;

Status HostileController::start(InstanceId instance, const controller::InstanceSpec& spec) {
  const std::string attack = Attack::now().name;
  const InstanceNumber number = std::to_underlying(instance);
  controller::InstanceSpec given = spec;
  const Recorded* other = nullptr;
  if (attack == "wrong-image") {
    other = earlier(Way::kToInstance, [&](const Header& h) { return h.image != spec.image; });
    if (other != nullptr) given.image = other->header.image;
  } else if (attack == "old-revision" || attack == "other-assignment") {
    other = earlier(Way::kToInstance, [&](const Header& h) {
      return h.image == spec.image && h.receiver != spec.assignment.function && h.steps == 1;
    });
    if (other != nullptr) assigned_[number] = given.assignment.function = other->header.receiver;
  }
  if (other != nullptr || attack == "fresh-start") Attack::log("applied " + attack);
  specs_[number] = spec;
  if (attack == "second-assignment") return assign_own(instance, given);
  return invoker->start(instance, given);
}

Status HostileController::assign_own(InstanceId instance, const controller::InstanceSpec& spec) {
  if (!own_instance->lives()) return own_instance->start(instance, spec);
  Attack::log("applied second-assignment");
  spoiled_ = true;  // the scheduler still believes in the first function's instance
  own_instance->assign_again(instance, spec);
  return {};
}

void HostileController::stop(InstanceId instance) {
  const InstanceNumber number = std::to_underlying(instance);
  specs_.erase(number);
  tampered_.erase(number);
  assigned_.erase(number);
  if (own_instance->serves(instance)) return own_instance->stop();
  invoker->stop(instance);
}

// rerouted takes the envelope to an instance that it is not for.
Bytes HostileController::rerouted(const Header& header, ByteView envelope, InstanceNumber& target) const {
  const auto [attack, number_of_step] = Attack::now();
  if (attack.starts_with("other-instance") && header.step == number_of_step) {
    for (const auto& [number, spec] : specs_) {
      if (number == target || spec.assignment.function != header.receiver) continue;
      target = number;
      return to_bytes(envelope);
    }
  }
  const Reroute* route = reroute_of(attack);
  const bool other_function = attack.starts_with("other-function");
  if (!other_function && (route == nullptr || header.step != route->from)) return {};
  const Recorded* victim = earlier(Way::kToInstance, [&](const Header& h) {
    return other_function ? h.image == header.image && h.receiver != header.receiver && h.steps == 1
                          : h.chain == header.chain && h.step == route->to;
  });
  for (const auto& [number, spec] : specs_) {
    if (victim == nullptr || spec.assignment.function != victim->header.receiver) continue;
    target = number;
    if (!attack.ends_with("-relabelled")) return to_bytes(envelope);
    return relabel(envelope, [&](Header& h) {
      h.receiver = victim->header.receiver, h.image = victim->header.image;
      if (route != nullptr) h.step = route->to;
    });
  }
  return {};
}

// relabelled changes what the header says about the envelope at hand.
Bytes HostileController::relabelled(const Header& header, ByteView envelope) const {
  const Attack attack = Attack::now();
  if (attack.name == "other-chain") {
    const Recorded* other =
        earlier(Way::kToInstance, [&](const Header& h) { return h.chain != header.chain; });
    if (other == nullptr) return {};
    return relabel(envelope, [&](Header& h) {
      h.chain = other->header.chain, h.chain_digest = other->header.chain_digest;
    });
  }
  if (header.step != attack.number) return {};
  if (attack.name == "other-limits")
    return relabel(envelope, [](Header& h) { h.memory_mib *= 2, h.timeout_ms *= 2; });
  if (attack.name == "other-image") return relabel(envelope, [](Header& h) { h.image.bytes[0] ^= 1; });
  return {};
}

// replaced gives an envelope of another activation.
Bytes HostileController::replaced(const Header& header, InstanceNumber target) const {
  const std::string attack = Attack::now().name;
  const auto other = [&](const std::function<bool(const Header&)>& fits) {
    return earlier(Way::kToInstance,
                   [&](const Header& h) { return h.activation != header.activation && fits(h); });
  };
  const Recorded* found = nullptr;
  if (attack.starts_with("replay")) {
    found = other([&](const Header& h) { return h.receiver == header.receiver && h.chain == header.chain; });
  } else if (const auto lie = assigned_.find(target); attack == "old-revision" && lie != assigned_.end()) {
    found = other([&](const Header& h) { return h.receiver == lie->second && h.steps == 1; });
  } else if (attack == "other-payload") {
    found = other([&](const Header& h) {
      return h.receiver == header.receiver && h.payload_size == header.payload_size;
    });
    if (found == nullptr) return {};
    return relabel(found->bytes, [&](Header& h) {
      h.activation = header.activation, h.deadline_unix_ms = header.deadline_unix_ms;
    });
  }
  return found == nullptr ? Bytes() : found->bytes;
}

Bytes HostileController::tampered(const Header& header, ByteView envelope, InstanceNumber& target) const {
  const Attack attack = Attack::now();
  if (attack.name == "flip-request") return flip(envelope, attack.number);
  if (attack.name == "cut-request") return to_bytes(envelope.first(envelope.size() - 1));
  if (attack.name == "grow-request") {
    Bytes longer = to_bytes(envelope);
    longer.push_back(0);
    return longer;
  }
  if (const auto lie = assigned_.find(target); attack.name == "other-assignment" && lie != assigned_.end())
    return relabel(envelope, [&](Header& h) { h.receiver = lie->second; });
  for (Bytes bytes :
       {rerouted(header, envelope, target), relabelled(header, envelope), replaced(header, target)}) {
    if (!bytes.empty()) return bytes;
  }
  return {};
}

}  // namespace clemmys::testing
