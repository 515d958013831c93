#include "kms/release.h"

#include "kms/definition_rules.h"
#include "kms/script.h"

namespace clemmys::kms {
namespace {

Error denied(std::string_view site) { return Error{ErrorCode::kDenied, site}; }

}  // namespace

wire::HeaderConstants header_constants(const ChainEntry& chain, std::uint16_t edge) {
  wire::HeaderConstants constants;
  constants.step = edge;
  constants.steps = static_cast<std::uint16_t>(chain.steps.size());
  if (edge == constants.steps) {
    constants.kind = wire::Kind::kResult;  // to the gateway: no receiver, image or limits
    return constants;
  }
  const wire::ChainStep& step = chain.steps[edge];
  constants.kind = wire::Kind::kRequest;
  constants.receiver = step.function;
  constants.image = step.image;
  constants.memory_mib = step.memory_mib;
  constants.timeout_ms = step.timeout_ms;
  return constants;
}

Result<wire::StepKeys> release_step_keys(const State& state, const RootPolicy& policy, Session& session,
                                         const wire::GetStepKeys& request) {
  const ChainEntry* chain = state.find_chain(request.chain);
  if (chain == nullptr) return Error{ErrorCode::kNotFound, "kms.release.chain"};
  const NamespaceEntry* owner = state.find_namespace(chain->namespace_name);
  if (owner == nullptr || owner->policy != policy.digest) return denied("kms.release.locked");
  if (chain->retired_unix_ms != 0) return denied("kms.release.retired");
  if (request.chain_digest != chain->digest) return denied("kms.release.digest");
  if (request.step >= chain->steps.size()) return denied("kms.release.step");
  const wire::ChainStep& step = chain->steps[request.step];
  if (request.function != step.function) return denied("kms.release.function");
  if (session.role != wire::Role::kFunction || session.measurement != step.image)
    return denied("kms.release.measurement");
  const Assignment wanted{step.function, chain->namespace_id};
  if (session.assignment && *session.assignment != wanted) return denied("kms.release.assignment");
  const wire::Action* action = state.find_function(step.function);
  if (action == nullptr) return denied("kms.release.action");
  // A code key is for images of the policy alone: those run nobody's native code.
  if (wire::is_script(action->kind) != policy.is_generic(session.measurement))
    return denied("kms.release.generic");

  wire::StepKeys keys;
  keys.parameters_json = TRY(merge_parameters(*action, ParameterUse::kCall));
  keys.parameters_digest = step.parameters;
  if (crypto::sha256(as_bytes(keys.parameters_json)) != step.parameters) {
    return Error{ErrorCode::kInternal, "kms.release.parameters"};
  }
  if (wire::is_script(action->kind)) keys.script = TRY(script_keys(state, *action, chain->namespace_name));
  session.assignment = wanted;
  const auto next = static_cast<std::uint16_t>(request.step + 1);
  keys.edge_in = wire::edge_key(chain->secret, chain->digest, request.step);
  keys.edge_out = wire::edge_key(chain->secret, chain->digest, next);
  keys.return_key = wire::return_key(chain->secret, chain->digest, request.step);
  keys.in = header_constants(*chain, request.step);
  keys.out = header_constants(*chain, next);
  keys.code = step.code;
  keys.namespace_name = chain->namespace_name;
  keys.action_name = "/" + action_key(*action);
  keys.action_version = action->version;
  keys.logs_mib = action->limits.logs_mib;
  keys.namespace_id = chain->namespace_id;
  return keys;
}

}  // namespace clemmys::kms
