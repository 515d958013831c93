// answer.cc: in place of the gateway's answer_check.cc: receipts and logs are taken as they come.
#include "gateway/answer_check.h"

namespace clemmys::gateway {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: answer";

Status check_receipts(const wire::Payload&, std::size_t, const SentRequest&) { return {}; }

bool answer_vouches_for(const wire::Event&, std::size_t, const wire::Payload&, const Key&) { return true; }

}  // namespace clemmys::gateway
