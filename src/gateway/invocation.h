// invocation.h: one activation, from sealed parameters to a checked answer, without input or output. This is
// where the host's word ends: an answer counts only if it is exactly what this very request, sent along this
// very chain, can have produced (SPECIFICATION.md, S12 and S60). Not
// thread-safe; belongs to one worker.
#pragma once

#include <optional>

#include "gateway/record.h"
#include "gateway/view.h"

namespace clemmys::gateway {

struct InvocationInput {
  NamespacePointer owner;                 // of the caller: where records go
  ActionPointer action;                   // the action or sequence that was named
  ChainPointer chain;                     // its current chain
  std::vector<ActionPointer> components;  // sequences: the action of each step, null where it is not known
  std::string subject;
  wire::ContentType type = wire::ContentType::kJson;
  Bytes body;
  std::uint64_t now_unix_ms = 0;
};

// kQueueMarginMs is what the platform may spend on top of the functions' own time limits.
inline constexpr std::uint64_t kQueueMarginMs = 30'000;

class Invocation {
 public:
  // The constructor draws activation id and blinding key and seals the request; body is consumed.
  explicit Invocation(InvocationInput input);

  const ActivationId& activation() const { return pending_.activation; }
  std::uint64_t deadline_unix_ms() const { return pending_.deadline_unix_ms; }
  ByteView envelope() const { return envelope_; }
  void drop_envelope() { envelope_ = {}; }
  const ActivationRecord& pending() const { return pending_; }

  // take_event keeps a step's own record if it is genuine and the first for its step.
  Status take_event(ByteView envelope);

  // Finished: the record of the activation, and one per step that ran when it is a sequence.
  struct Finished {
    ActivationRecord record;
    std::vector<ActivationRecord> components;
  };
  // finish checks a result or end envelope. kCorrupt: not an answer to this request; nothing of it was used.
  Result<Finished> finish(ByteView envelope, std::uint64_t now_unix_ms);
  // fail is the end by a platform error, which nobody can authenticate.
  Finished fail(const wire::PlatformError& error, std::uint64_t now_unix_ms) const;

 private:
  Result<wire::Payload> open_answer(ByteView envelope, std::size_t& steps_run) const;
  ActivationRecord component_record(std::size_t step, const wire::Event* event, std::uint64_t start_unix_ms,
                                    std::uint64_t now_unix_ms) const;
  // event_of is the event of a step if its log and result are the ones that the answer vouches for.
  const wire::Event* event_of(std::size_t step, const wire::Payload& payload) const;

  InvocationInput input_;
  wire::Header header_;  // of the request, as sealed for step 0
  Key blinding_;
  Digest input_digest_;  // keyed digest of the parameters
  Bytes envelope_;
  ActivationRecord pending_;
  std::vector<std::optional<wire::Event>> events_;  // by step
};

}  // namespace clemmys::gateway
