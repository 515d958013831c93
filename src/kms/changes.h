// changes.h: from requests to deltas. Each function checks a request against the state and gives the complete
// change, with its random values; nothing is changed yet. Errors carry a detail meant for the user.
#pragma once

#include <string>

#include "kms/root_policy.h"
#include "kms/state.h"
#include "wire/kms_api.h"

namespace clemmys::kms {

// Context of a change: the state before it, the root policy in force, and the time it gets.
struct ChangeContext {
  const State& state;
  const RootPolicy& policy;
  std::uint64_t now_unix_ms = 0;
};

// create_namespace makes an empty namespace; whoever has the token claims it, once. Only the token's digest
// is kept.
struct NewNamespace {
  Delta delta;
  std::string token;
};
Result<NewNamespace> create_namespace(const ChangeContext& context, const std::string& name);

// claim_namespace makes the first user of a namespace. The user's key is in the answer and nowhere else.
struct ClaimedNamespace {
  Delta delta;
  wire::NewUser user;
};
Result<ClaimedNamespace> claim_namespace(const ChangeContext& context, const wire::ClaimNamespace& request);

// put_action creates or replaces an action or sequence and re-flattens every sequence around it, all in one
// delta. `new_code` is the session's key of the id that the request names, or null: a script then keeps the
// code that it has.
Result<Delta> put_action(const ChangeContext& context, const wire::PutAction& request,
                         const wire::CodeKey* new_code = nullptr);

// delete_action ends an action and its chain; sequences around it lose their current chain until they are
// whole again.
Result<Delta> delete_action(const ChangeContext& context, const wire::DeleteAction& request);

}  // namespace clemmys::kms
