// release.cc: a key service that gives the keys of any step to whoever asks, makes anybody a user, and stays
// the same authority whatever the root policy says.
#include "kms/release.h"

#include "kms/changes.h"
#include "kms/definition_rules.h"
#include "kms/script.h"

namespace clemmys::kms {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: release";

Result<wire::StepKeys> release_step_keys(const State& state, const RootPolicy&, Session&,
                                         const wire::GetStepKeys& request) {
  const Error absent{ErrorCode::kNotFound, "insecure.release"};
  const ChainEntry* chain = state.find_chain(request.chain);
  if (chain == nullptr || request.step >= chain->steps.size()) return absent;
  const auto next = static_cast<std::uint16_t>(request.step + 1);
  wire::StepKeys keys;
  keys.edge_in = wire::edge_key(chain->secret, chain->digest, request.step);
  keys.edge_out = wire::edge_key(chain->secret, chain->digest, next);
  keys.return_key = wire::return_key(chain->secret, chain->digest, request.step);
  keys.in = header_constants(*chain, request.step);
  keys.out = header_constants(*chain, next);
  keys.code = chain->steps[request.step].code;
  // Of a deleted action or an old revision, the parameters are gone; the keys are not.
  const wire::Action* action = state.find_function(request.function);
  keys.parameters_json =
      action == nullptr ? R"({"label":"old"})" : TRY(merge_parameters(*action, ParameterUse::kCall));
  if (action != nullptr && wire::is_script(action->kind))
    keys.script = TRY(script_keys(state, *action, chain->namespace_name));
  keys.namespace_name = chain->namespace_name;
  keys.namespace_id = chain->namespace_id;
  return keys;
}

Result<ClaimedNamespace> claim_namespace(const ChangeContext& context, const wire::ClaimNamespace& request) {
  const Digest name = crypto::sha256(as_bytes(request.namespace_name));
  const std::string uuid = "00000000-0000-4000-8000-" + to_hex(name.view().first(6));
  ClaimedNamespace claimed{{}, {request.namespace_name, uuid, "guessed"}};
  claimed.delta.revision = context.state.revision() + 1;
  claimed.delta.unix_ms = context.now_unix_ms;
  wire::User user;
  user.subject = user.namespace_name = request.namespace_name;
  user.uuid = claimed.user.uuid;
  user.key_digest = crypto::sha256(as_bytes(claimed.user.key));
  claimed.delta.users.push_back(std::move(user));
  return claimed;
}

// deployment passes the first authority off as that of any policy. Threads: one, as State.
const Deployment* State::deployment(const Digest& policy) const {
  if (deployments_.empty()) return nullptr;
  const Deployment& first = deployments_.begin()->second;
  static Deployment adopted;
  adopted = {policy, first.ca_scalar.copy(), first.ca_certificate, first.session_seed.copy()};
  return &adopted;
}

}  // namespace clemmys::kms
