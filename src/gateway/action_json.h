// action_json.h: actions as OpenWhisk's clients write and read them.
#pragma once

#include <optional>
#include <string>

#include "wire/definitions.h"

namespace clemmys::gateway {

// ActionPut is what a client's PUT body asks for: the whole next action (absent fields keep the old values)
// and, when the body had code, its bytes:
// an image, a zip archive or a script's text.
struct ActionPut {
  wire::Action action;
  std::optional<Bytes> code;
};

// parse_action_put reads a PUT body for namespace/name over `old` (null: create). Errors carry a detail for
// the user: kInvalid, kTooLarge (code), kUnsupported (kind).
Result<ActionPut> parse_action_put(std::string_view body, std::string_view namespace_name,
                                   std::string_view name, const wire::Action* old, std::size_t code_size_max);

// action_json: code is put into exec.code when given, as text or as base64.
std::string action_json(const wire::Action& action, std::optional<ByteView> code);
std::string action_summary_json(const wire::Action& action);

// has_final_parameters: the action's own parameters may not be overridden (annotation final: true);
// is_own_parameter: by which names.
bool has_final_parameters(const wire::Action& action);
bool is_own_parameter(const wire::Action& action, std::string_view key);

}  // namespace clemmys::gateway
