#include "kms/sequence.h"

#include <algorithm>

#include "kms/definition_rules.h"
#include "kms/state.h"

namespace clemmys::kms {
namespace {

Error refused(std::string_view site, std::string detail) {
  return Error{ErrorCode::kInvalid, site, std::move(detail)};
}

class Flattener {
 public:
  explicit Flattener(const ActionLookup& lookup) : lookup_(lookup) {}

  Status visit(const wire::Action& action) {
    if (!wire::is_sequence(action.kind)) {
      if (steps_.size() == kSequenceStepsMax) return too_long();
      steps_.push_back(&action);
      return {};
    }
    if (action.components.empty())
      return refused("kms.sequence.empty", "No component specified for the sequence.");
    if (action.components.size() > kSequenceStepsMax || path_.size() > kSequenceStepsMax) return too_long();
    const std::string key = action_key(action);
    if (std::find(path_.begin(), path_.end(), key) != path_.end()) {
      return refused("kms.sequence.cyclic", "Sequence may not refer to itself.");
    }
    path_.push_back(key);
    for (const std::string& component : action.components) {
      const wire::Action* inner = lookup_(component.substr(1));
      if (inner == nullptr) return refused("kms.sequence.missing", "Sequence component does not exist.");
      TRY(visit(*inner));
    }
    path_.pop_back();
    return {};
  }

  std::vector<const wire::Action*> take() { return std::move(steps_); }

 private:
  static Error too_long() { return refused("kms.sequence.too_long", "Too many actions in the sequence."); }

  const ActionLookup& lookup_;
  std::vector<std::string> path_;  // sequences from the outermost to the one being visited
  std::vector<const wire::Action*> steps_;
};

}  // namespace

Result<std::vector<const wire::Action*>> flatten(const wire::Action& action, const ActionLookup& lookup) {
  Flattener flattener(lookup);
  TRY(flattener.visit(action));
  return flattener.take();
}

Result<std::vector<wire::ChainStep>> chain_steps(const std::vector<const wire::Action*>& actions) {
  std::vector<wire::ChainStep> steps;
  for (const wire::Action* action : actions) {
    const std::string parameters = TRY(merge_parameters(*action, ParameterUse::kCall));
    wire::ChainStep step;
    step.function = action->function;
    step.image = action->image;
    step.code = action->code;
    step.parameters = crypto::sha256(as_bytes(parameters));
    step.memory_mib = action->limits.memory_mib;
    step.timeout_ms = action->limits.timeout_ms;
    step.action = action_key(*action);
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace clemmys::kms
