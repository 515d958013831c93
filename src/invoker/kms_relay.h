// kms_relay.h: carries outer KMS frames (wire/kms_api.h) of instances to the KMS's socket and the answers
// back, without looking inside: what is in them is an attested session or public. Some connections, each
// pipelined: the KMS answers in order, and one asker stays on one. Threads: the loop's only. Invariant: every
// question is answered exactly once; when the KMS is away, by a refusal.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/link.h"

namespace clemmys::invoker {

class KmsRelay {
 public:
  KmsRelay(controller::Loop& loop, std::string socket_path, std::size_t connections = 2);
  ~KmsRelay();  // open questions are dropped

  // Answer gets the frame type (kAnswer or kRefused) and body; it never runs from inside ask().
  using Answer = std::move_only_function<void(std::uint8_t type, controller::Packet body)>;
  // ask sends one frame: type and body. Answers to one asker come in the order of its questions. Connections
  // are made when needed and after they broke.
  void ask(std::uint64_t asker, std::uint8_t type, controller::Packet body, Answer answer);
  // losses counts broken connections: the KMS may have ended, and its sessions with it.
  std::uint64_t losses() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::invoker
