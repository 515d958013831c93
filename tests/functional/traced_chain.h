// traced_chain.h: a chain whose answers tell which steps ran, in order, and for which request: what tests of
// faults judge by. Each step is its own action (own keys) with its own label.
#pragma once

#include <chrono>

#include "platform.h"

namespace clemmys::testing {

struct TracedChain {
  int steps = 10;
  int pause_ms = 0;         // in each handler
  int timeout_ms = 60'000;  // of each step
  // deploy puts step0, step1 … and the sequence `chain`.
  void deploy(const Platform& platform) const;
};

enum class End : std::uint8_t { kRight, kPlatformError, kWrong };
struct Outcome {
  std::string activation;  // empty when the answer named none
  End end = End::kWrong;
  std::string text;  // the answer, for a failed test's message
};

// request_body of a request whose value is `request`.
std::string request_body(int request);
// judge looks at an activation record, as an answer or from the store: it is right when each step ran once,
// in order, on this very request; a platform error carries nothing of a result.
Outcome judge(const TracedChain& chain, int request, const Answer& answer);
// look_up waits until the record of an activation is there: an id that was given out resolves.
Outcome look_up(const TracedChain& chain, Client& client, int request, const std::string& activation,
                std::chrono::seconds patience);
// accepted_id is the activation id of a 202 answer.
std::string accepted_id(const Answer& answer);

}  // namespace clemmys::testing
