// fake_functions.h: for tests: what the instances of a chain answer to a request envelope, made with the
// chain's own keys, and the ways in which a host may bend it.
#pragma once

#include <functional>
#include <vector>

#include "wire/definitions.h"
#include "wire/envelope.h"

namespace clemmys::gateway::testing {

struct FakeReply {
  wire::Outcome outcome = wire::Outcome::kSuccess;
  Bytes body;
  wire::ContentType type = wire::ContentType::kJson;
  std::string log = "2026-01-01T00:00:00.000Z stdout: hello\n";
  std::uint64_t init_ms = 0;
};
using FakeHandler = std::function<FakeReply(std::size_t step, const wire::Payload& input)>;

struct FakeAnswers {
  std::vector<Bytes> events;
  wire::Header header;    // of the answer
  wire::Payload payload;  // of the answer
  Bytes done;             // sealed
};

// FakeFunctions holds every key of one chain.
class FakeFunctions {
 public:
  FakeFunctions(Key secret, const wire::Chain& chain);
  // from_chain works for one-step chains: a gateway has all their keys.
  static FakeFunctions from_chain(const wire::Chain& chain);

  FakeAnswers answer(ByteView request, const FakeHandler& handler) const;
  Bytes seal_answer(const wire::Header& header, const wire::Payload& payload) const;
  const Key& edge(std::size_t index) const { return edges_[index]; }
  const Key& return_key(std::size_t step) const { return return_keys_[step]; }

 private:
  FakeFunctions() = default;
  std::vector<wire::ChainStep> steps_;
  std::vector<Key> edges_, return_keys_;
};

// echo answers {"step": i, "input": input}.
FakeReply echo(std::size_t step, const wire::Payload& input);

}  // namespace clemmys::gateway::testing
