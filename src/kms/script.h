// script.h: what turns an instance of a generic image into one function: its code's key, and what OpenWhisk's
// runtimes are told once, at /init.
#pragma once

#include "kms/state.h"
#include "wire/kms_api.h"

namespace clemmys::kms {

// script_keys is for a script action, invoked by a namespace. kInternal: its code has no key.
Result<wire::ScriptKeys> script_keys(const State& state, const wire::Action& action,
                                     const std::string& invoking_namespace);

}  // namespace clemmys::kms
