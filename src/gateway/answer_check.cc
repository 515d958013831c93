#include "gateway/answer_check.h"

#include "crypto/crypto.h"

namespace clemmys::gateway {

Status check_receipts(const wire::Payload& answer, std::size_t steps_run, const SentRequest& request) {
  if (answer.receipts.size() != steps_run || answer.log_digests.size() != steps_run)
    return Error{ErrorCode::kCorrupt, "gateway.receipt.count"};
  if (!equal_constant_time(answer.blinding.view(), request.blinding.view()))
    return Error{ErrorCode::kCorrupt, "gateway.receipt.blinding"};
  Digest expected = request.input;  // what each step must have read: what the step before it wrote
  for (std::size_t i = 0; i < steps_run; ++i) {
    const wire::ReceiptEntry& entry = answer.receipts[i];
    const wire::ChainStep& step = request.chain.steps[i];
    if (entry.function != step.function || entry.image != step.image || entry.code != step.code)
      return Error{ErrorCode::kCorrupt, "gateway.receipt.step"};
    if (!wire::receipt_is_signed(request.chain.receipt_keys[i], request.header, static_cast<std::uint16_t>(i),
                                 entry))
      return Error{ErrorCode::kCorrupt, "gateway.receipt.mac"};
    if (entry.input != expected) return Error{ErrorCode::kCorrupt, "gateway.receipt.input"};
    expected = entry.output;
  }
  if (crypto::keyed_digest(request.blinding, answer.body) != expected)
    return Error{ErrorCode::kCorrupt, "gateway.receipt.output"};
  return {};
}

bool answer_vouches_for(const wire::Event& event, std::size_t step, const wire::Payload& answer,
                        const Key& blinding) {
  return crypto::sha256(event.log) == answer.log_digests[step] &&
         crypto::keyed_digest(blinding, event.result) == answer.receipts[step].output;
}

}  // namespace clemmys::gateway
