// answer_check.h: what an answer that opened must still prove: that each step ran once, in order, on what the
// step before it wrote, for this very request; and which of the host's events the answer vouches for.
#pragma once

#include "gateway/view.h"
#include "wire/envelope.h"

namespace clemmys::gateway {

// SentRequest is what the gateway remembers of a request: its chain, its header as sealed for step 0, the
// activation's blinding key, and the keyed digest of the parameters.
struct SentRequest {
  const GatewayChain& chain;
  const wire::Header& header;
  const Key& blinding;
  const Digest& input;
};

// check_receipts is kCorrupt unless the answer has one genuine receipt per step that ran, and inputs and
// outputs meet from the request's body to the answer's.
Status check_receipts(const wire::Payload& answer, std::size_t steps_run, const SentRequest& request);

// answer_vouches_for is whether log and result of a step's event are those that went on along the chain. The
// host may have run a step twice, or have brought the log of another run.
bool answer_vouches_for(const wire::Event& event, std::size_t step, const wire::Payload& answer,
                        const Key& blinding);

}  // namespace clemmys::gateway
