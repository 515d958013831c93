#include "hostile_controller.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace clemmys::testing {

using controller::InstanceId;
using controller::Packet;
using controller::Request;
using wire::Header;
using wire::Kind;

namespace {

// relabel gives the same payload under another header.
Bytes relabel(ByteView envelope, const std::function<void(Header&)>& change) {
  Header header = *wire::decode_header(envelope);
  change(header);
  Bytes out;
  wire::encode_header(header, out);
  const ByteView payload = envelope.subspan(wire::kHeaderSize);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

// flip changes one bit: counted from the front, or, when negative, from the end.
Bytes flip(ByteView envelope, long bit) {
  Bytes out = to_bytes(envelope);
  const long bits = static_cast<long>(out.size()) * 8, place = bit < 0 ? bits + bit : bit;
  out[static_cast<std::size_t>(place / 8)] ^= static_cast<std::uint8_t>(1 << (place % 8));
  return out;
}

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
  const std::string attack = Attack::now().name;
  if (attack.starts_with("kms-") || attack == "wrong-image")
    scheduler->stop_all();  // so that instances start afresh
  scheduler->run(request, std::move(envelope));
}

Status HostileController::start(InstanceId instance, const controller::InstanceSpec& spec) {
  controller::InstanceSpec given = spec;
  if (Attack::now().name == "wrong-image") {
    const Recorded* other =
        earlier(Way::kToInstance, [&](const Header& header) { return header.image != spec.image; });
    if (other != nullptr) {
      given.image = other->header.image;
      Attack::log("applied wrong-image");
    }
  }
  specs_[std::to_underlying(instance)] = spec;
  return invoker->start(instance, given);
}

// for_instance says what is handed to which instance instead of an envelope.
Bytes HostileController::for_instance(InstanceNumber instance, const Header& header, ByteView envelope,
                                      InstanceNumber& target) {
  const Attack attack = Attack::now();
  const auto applied = [&](Bytes bytes) {
    Attack::log("applied " + attack.name);
    return bytes;
  };
  if (attack.name == "flip-request") return applied(flip(envelope, attack.number));
  if (attack.name == "cut-request") return applied(to_bytes(envelope.first(envelope.size() - 1)));
  if (attack.name == "grow-request") {
    Bytes longer = to_bytes(envelope);
    longer.push_back(0);
    return applied(std::move(longer));
  }
  if (attack.name == "replay") {
    const Recorded* old = earlier(Way::kToInstance, [&](const Header& h) {
      return h.receiver == header.receiver && h.activation != header.activation;
    });
    if (old != nullptr) return applied(old->bytes);
  }
  if (attack.name == "other-chain") {
    const Recorded* other =
        earlier(Way::kToInstance, [&](const Header& h) { return h.chain != header.chain; });
    if (other != nullptr) {
      return applied(relabel(envelope, [&](Header& h) {
        h.chain = other->header.chain;
        h.chain_digest = other->header.chain_digest;
      }));
    }
  }
  if (attack.name == "other-payload") {
    const Recorded* other = earlier(Way::kToInstance, [&](const Header& h) {
      return h.receiver == header.receiver && h.activation != header.activation &&
             h.payload_size == header.payload_size;
    });
    if (other != nullptr)
      return applied(relabel(other->bytes, [&](Header& h) {
        h.activation = header.activation, h.deadline_unix_ms = header.deadline_unix_ms;
      }));
  }
  if ((attack.name == "skip" || attack.name == "skip-relabelled") && header.step == 1) {
    const Recorded* third =
        earlier(Way::kToInstance, [&](const Header& h) { return h.chain == header.chain && h.step == 2; });
    for (const auto& [number, spec] : specs_) {
      if (third == nullptr || spec.assignment.function != third->header.receiver) continue;
      target = number;
      stands_for_[target] = instance;
      if (attack.name == "skip") return applied(to_bytes(envelope));
      return applied(relabel(envelope, [&](Header& h) {
        h.step = 2, h.receiver = third->header.receiver, h.image = third->header.image;
      }));
    }
  }
  return to_bytes(envelope);
}

void HostileController::run(InstanceId instance, Packet envelope) {
  const Header header = *wire::decode_header(envelope.view());
  InstanceNumber target = std::to_underlying(instance);
  const Bytes bytes = for_instance(target, header, envelope.view(), target);
  recorded_.push_back({Way::kToInstance, header, to_bytes(envelope.view())});
  last_input_[target] = bytes;
  invoker->run(InstanceId{target}, Packet::copy_of(bytes));
}

void HostileController::stop(InstanceId instance) {
  specs_.erase(std::to_underlying(instance));
  invoker->stop(instance);
}

void HostileController::instance_ready(InstanceId instance, const controller::StartTimes& times) {
  scheduler->instance_ready(instance, times);
}

// answer_early gives the gateway an output that was meant for another function.
bool HostileController::answer_early(const Header& header, ByteView envelope) {
  const std::string attack = Attack::now().name;
  if (header.kind != Kind::kRequest || !attack.starts_with("intermediate")) return false;
  const Request request = requests_[header.activation];
  Attack::log("applied " + attack);
  gateway->done(request, Packet::copy_of(attack == "intermediate" ? to_bytes(envelope)
                                                                  : relabel(envelope, [](Header& h) {
                                                                      h.kind = Kind::kResult;
                                                                      h.step = h.steps;
                                                                      h.receiver = {};
                                                                      h.image = {};
                                                                    })));
  return true;
}

void HostileController::instance_output(InstanceId instance, Packet envelope) {
  InstanceNumber number = std::to_underlying(instance);
  if (Attack::now().name == "twice" && !held_output_) {
    held_output_ = {number, to_bytes(envelope.view())};
    Attack::log("applied twice");
    return invoker->run(instance, Packet::copy_of(last_input_[number]));
  }
  if (held_output_) {
    Attack::log("succeeded twice");
    held_output_.reset();
  }
  if (const auto name = stands_for_.find(number); name != stands_for_.end()) {
    Attack::log("succeeded at the wrong instance");
    number = name->second;
    stands_for_.erase(name);
  }
  if (const auto header = wire::decode_header(envelope.view());
      header && answer_early(*header, envelope.view())) {
    // The gateway has had its answer; the chain goes on unheard.
  }
  scheduler->instance_output(InstanceId{number}, std::move(envelope));
}

void HostileController::instance_event(InstanceId instance, Packet envelope) {
  if (held_output_ || stands_for_.contains(std::to_underlying(instance))) return;
  scheduler->instance_event(instance, std::move(envelope));
}

void HostileController::instance_refused(InstanceId instance, ErrorCode code, std::string_view site) {
  Attack::log("refused " + std::string(name(code)) + " " + std::string(site));
  InstanceNumber number = std::to_underlying(instance);
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
  if (attack.name == "forged-failure") {
    Attack::log("applied forged-failure");
    return gateway->failed(request, {wire::PlatformErrorCode::kInstanceDied, 0, R"({"trace":["forged"]})"});
  }
  gateway->done(request, std::move(envelope));
}

}  // namespace clemmys::testing
