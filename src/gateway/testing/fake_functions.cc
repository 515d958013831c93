#include "gateway/testing/fake_functions.h"

#include "base/check.h"
#include "crypto/crypto.h"

namespace clemmys::gateway::testing {

FakeFunctions::FakeFunctions(Key secret, const wire::Chain& chain) : steps_(chain.steps) {
  const auto steps = static_cast<std::uint16_t>(steps_.size());
  for (std::uint16_t i = 0; i <= steps; ++i) edges_.push_back(wire::edge_key(secret, chain.digest, i));
  for (std::uint16_t i = 0; i < steps; ++i) return_keys_.push_back(wire::return_key(secret, chain.digest, i));
}

FakeFunctions FakeFunctions::from_chain(const wire::Chain& chain) {
  CHECK(chain.steps.size() == 1);
  FakeFunctions functions;
  functions.steps_ = chain.steps;
  functions.edges_.push_back(chain.first_edge.copy());
  functions.edges_.push_back(chain.last_edge.copy());
  functions.return_keys_.push_back(chain.return_keys[0].copy());
  return functions;
}

Bytes FakeFunctions::seal_answer(const wire::Header& header, const wire::Payload& payload) const {
  return wire::seal(header, header.kind == wire::Kind::kResult ? edges_.back() : return_keys_[header.step],
                    payload);
}

FakeAnswers FakeFunctions::answer(ByteView request, const FakeHandler& handler) const {
  FakeAnswers answers;
  wire::Header header = wire::decode_header(request).value();
  wire::Payload payload = wire::open(request, edges_[0]).value();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    FakeReply reply = handler(i, payload);
    header.step = static_cast<std::uint16_t>(i);
    payload.receipts.push_back(wire::make_receipt(return_keys_[i], header, payload.blinding,
                                                  steps_[i].function, steps_[i].image, steps_[i].code,
                                                  payload.body, reply.body, 1000));
    wire::Event event{.outcome = reply.outcome,
                      .start_unix_ms = header.deadline_unix_ms,
                      .end_unix_ms = header.deadline_unix_ms,
                      .init_ms = reply.init_ms,
                      .log = to_bytes(reply.log),
                      .result = reply.body,
                      .result_type = reply.type};
    payload.log_digests.push_back(crypto::sha256(event.log));
    wire::Header event_header = header;
    event_header.kind = wire::Kind::kEvent;
    event_header.receiver = {};
    event_header.image = {};
    answers.events.push_back(wire::seal_event(event_header, return_keys_[i], event));
    payload.body = reply.body;
    payload.content_type = reply.type;
    payload.outcome = reply.outcome;
    if (reply.outcome != wire::Outcome::kSuccess) {
      header.kind = wire::Kind::kEnd;
      break;
    }
  }
  if (header.kind != wire::Kind::kEnd) {
    header.kind = wire::Kind::kResult;
    header.step = header.steps;
  }
  header.receiver = {};
  header.image = {};
  header.memory_mib = header.timeout_ms = 0;
  answers.done = seal_answer(header, payload);
  answers.header = header;
  answers.payload = std::move(payload);
  return answers;
}

FakeReply echo(std::size_t step, const wire::Payload& input) {
  FakeReply reply;
  reply.body =
      to_bytes("{\"step\":" + std::to_string(step) + ",\"input\":" + std::string(as_text(input.body)) + "}");
  return reply;
}

}  // namespace clemmys::gateway::testing
