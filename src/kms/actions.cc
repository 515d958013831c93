// actions.cc: the changes of actions and sequences, and of every chain that they touch.
#include <algorithm>
#include <map>

#include "crypto/crypto.h"
#include "kms/changes.h"
#include "kms/definition_rules.h"
#include "kms/journal.h"
#include "kms/sequence.h"

namespace clemmys::kms {
namespace {

const Error kNoSuchResource{ErrorCode::kNotFound, "kms.action.missing",
                            "The requested resource does not exist."};
const Error kStale{ErrorCode::kConflict, "kms.action.stale", "Concurrent modification to resource detected."};

// ActionChange builds one delta around one changed action.
class ActionChange {
 public:
  explicit ActionChange(const ChangeContext& context) : context_(context) {
    delta_.revision = context.state.revision() + 1;
    delta_.unix_ms = context.now_unix_ms;
    lookup_ = [this](const std::string& key) -> const wire::Action* {
      if (const auto changed = changed_.find(key); changed != changed_.end()) {
        return changed->second.deleted ? nullptr : &changed->second;
      }
      return context_.state.find_action(key);
    };
  }

  // set puts the new form of an action; its old chain ends.
  void set(wire::Action action) {
    const std::string key = action_key(action);
    retire(context_.state.find_action(key));
    action.chain = {};
    changed_.insert_or_assign(key, std::move(action));
  }

  // give_chain flattens a changed action and makes the chain that runs it.
  Status give_chain(const std::string& key) {
    wire::Action& action = changed_.at(key);
    const auto flat = TRY(flatten(action, lookup_));
    const NamespaceEntry* owner = context_.state.find_namespace(action.namespace_name);
    ChainEntry chain;
    chain.id = crypto::random_fixed<ChainId>();
    chain.namespace_id = owner->id;
    chain.namespace_name = owner->name;
    chain.steps = TRY(chain_steps(flat));
    chain.digest = wire::chain_digest(chain.namespace_id, chain.steps);
    chain.secret = crypto::random_key();
    action.chain = chain.id;
    delta_.chains.push_back(std::move(chain));
    return {};
  }

  // follow gives every sequence around `key` a new chain, or none while a component is missing or it has
  // become too long.
  void follow(const std::string& key) {
    for (const std::string& outer : context_.state.containers(key)) {
      const wire::Action* sequence = context_.state.find_action(outer);
      if (sequence == nullptr) continue;
      set(*sequence);
      (void)give_chain(outer);  // a failure leaves the chain zero: invoking it says so
    }
  }

  void add_code(const wire::CodeKey& code) { delta_.codes.push_back(code.copy()); }

  Result<Delta> finish() {
    for (auto& [key, action] : changed_) delta_.actions.push_back(std::move(action));
    if (encode(delta_).size() > kRecordSizeMax / 4) {
      return Error{ErrorCode::kTooLarge, "kms.action.too_many_sequences",
                   "too many sequences depend on this action"};
    }
    return std::move(delta_);
  }

 private:
  void retire(const wire::Action* action) {
    if (action == nullptr || action->chain.is_zero()) return;
    if (std::find(delta_.retired.begin(), delta_.retired.end(), action->chain) == delta_.retired.end()) {
      delta_.retired.push_back(action->chain);
    }
  }

  const ChangeContext& context_;
  Delta delta_;
  std::map<std::string, wire::Action> changed_;
  ActionLookup lookup_;
};

Status check_namespace(const ChangeContext& context, const std::string& name) {
  const NamespaceEntry* entry = context.state.find_namespace(name);
  if (entry == nullptr) return kNoSuchResource;
  if (entry->policy != context.policy.digest) {
    return Error{ErrorCode::kDenied, "kms.namespace.locked", "the namespace is bound to another root policy"};
  }
  return {};
}

// place says on which image an action runs: a script on the policy's newest generic one; a native function on
// its own, which must not be one that runs everybody's scripts.
Status place(const RootPolicy& policy, wire::Action& action) {
  if (wire::is_script(action.kind)) {
    if (policy.javascript.empty()) {
      return Error{ErrorCode::kUnsupported, "kms.action.generic_image",
                   "this platform's root policy names no image for kind '" + action.kind + "'"};
    }
    action.image = policy.javascript.front();
  } else if (policy.is_generic(action.image)) {
    return Error{ErrorCode::kInvalid, "kms.action.native_image",
                 "this image runs scripts: deploy code of kind nodejs:20 instead"};
  }
  return {};
}

// keeps_code: the next form of a script has the very code, under the very key, of the present one.
bool keeps_code(const wire::Action* old, const wire::Action& action) {
  return old != nullptr && old->code_id == action.code_id && old->code == action.code &&
         old->code_size == action.code_size && old->binary == action.binary;
}

}  // namespace

Result<Delta> put_action(const ChangeContext& context, const wire::PutAction& request,
                         const wire::CodeKey* new_code) {
  wire::Action action = request.action;
  TRY(check_definition(action));
  TRY(check_namespace(context, action.namespace_name));
  const std::string key = action_key(action);
  const wire::Action* old = context.state.find_action(key);
  if (request.expected_revision == 0 && old != nullptr) {
    return Error{ErrorCode::kExists, "kms.action.exists", "resource already exists"};
  }
  if (request.expected_revision != 0 && old == nullptr) return kNoSuchResource;
  if (old != nullptr && old->revision != request.expected_revision) return kStale;

  for (std::string& component : action.components)
    component = TRY(parse_component(component, action.namespace_name));
  TRY(place(context.policy, action));
  const bool needs_code = wire::is_script(action.kind) && !keeps_code(old, action);
  if (needs_code && (new_code == nullptr || new_code->id != action.code_id)) {
    return Error{ErrorCode::kConflict, "kms.action.code",
                 "the code's key is gone, because the gateway lost its session: send the code again"};
  }
  action.function = wire::is_sequence(action.kind) ? FunctionId{} : crypto::random_fixed<FunctionId>();
  action.version = old == nullptr ? "0.0.1" : next_version(old->version);
  action.updated_unix_ms = context.now_unix_ms;
  action.deleted = false;

  ActionChange change(context);
  change.set(std::move(action));
  if (needs_code) change.add_code(*new_code);
  TRY(change.give_chain(key));
  change.follow(key);
  return change.finish();
}

Result<Delta> delete_action(const ChangeContext& context, const wire::DeleteAction& request) {
  TRY(check_namespace(context, request.namespace_name));
  wire::Action tombstone;
  tombstone.namespace_name = request.namespace_name;
  tombstone.package = request.package;
  tombstone.name = request.name;
  const std::string key = action_key(tombstone);
  const wire::Action* old = context.state.find_action(key);
  if (old == nullptr) return kNoSuchResource;
  if (request.expected_revision != 0 && old->revision != request.expected_revision) return kStale;
  tombstone.kind = old->kind;
  tombstone.version = old->version;
  tombstone.updated_unix_ms = context.now_unix_ms;
  tombstone.deleted = true;

  ActionChange change(context);
  change.set(std::move(tombstone));
  change.follow(key);
  return change.finish();
}

}  // namespace clemmys::kms
