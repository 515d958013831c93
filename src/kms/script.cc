#include "kms/script.h"

#include <boost/json.hpp>

#include "kms/definition_rules.h"

namespace clemmys::kms {
namespace {

namespace json = boost::json;

constexpr std::string_view kReserved = "__OW_";

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// isolates: the annotation `isolate: true`. The text was checked when the action was made.
bool isolates(const wire::Action& action) {
  const json::value annotations = json::parse(action.annotations_json);
  for (const json::value& pair : annotations.get_array()) {
    if (pair.at("key") == "isolate") return pair.at("value") == true;
  }
  return false;
}

}  // namespace

Result<wire::ScriptKeys> script_keys(const State& state, const wire::Action& action,
                                     const std::string& invoking_namespace) {
  const Key* key = state.find_code(action.code_id);
  if (key == nullptr) return Error{ErrorCode::kInternal, "kms.release.code_key"};
  wire::ScriptKeys script{{action.code_id, key->copy()}, action.binary, action.main, isolates(action), {}};
  const json::value start = json::parse(TRY(merge_parameters(action, ParameterUse::kStart)));
  for (const auto& [name, value] : start.get_object()) {
    if (!std::string_view(name).starts_with(kReserved)) script.environment.emplace_back(name, text_of(value));
  }
  script.environment.emplace_back("__OW_NAMESPACE", invoking_namespace);
  script.environment.emplace_back("__OW_ACTION_NAME", "/" + action_key(action));
  script.environment.emplace_back("__OW_ACTION_VERSION", action.version);
  return script;
}

}  // namespace clemmys::kms
