// sequence.h: from names to chains. A sequence, nested ones too, is flattened into the atomic actions that
// run, in order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "wire/definitions.h"

namespace clemmys::kms {

// Lookup finds an action by its full name, as it will be after the change that is being made; nullptr: none.
using ActionLookup = std::function<const wire::Action*(const std::string& key)>;

// flatten gives the atomic actions that `action` runs: itself, or its components'. Errors are kInvalid with
// OpenWhisk's words: no component, a missing one, a sequence inside itself, more than kSequenceStepsMax
// steps.
Result<std::vector<const wire::Action*>> flatten(const wire::Action& action, const ActionLookup& lookup);

// chain_steps describes the flattened actions for the chain's digest and for the controller.
Result<std::vector<wire::ChainStep>> chain_steps(const std::vector<const wire::Action*>& actions);

}  // namespace clemmys::kms
