// definition_rules.h: what a user's definition must look like, before it becomes state. Errors are kInvalid
// (or kTooLarge, kUnsupported) with a detail meant for the user: OpenWhisk's words where it has some.
#pragma once

#include <string>

#include "wire/definitions.h"

namespace clemmys::kms {

inline constexpr std::size_t kNameSizeMax = 256;
inline constexpr std::size_t kSequenceStepsMax = 50;  // atomic steps after flattening
inline constexpr std::size_t kJsonSizeMax = 1u << 20;

// is_entity_name follows OpenWhisk's grammar: \A([\w]|[\w][\w@ .-]*[\w@.-]+)\z, at most 256 bytes.
bool is_entity_name(std::string_view name);

// check_definition looks at one action by itself; whether its components exist is for sequence.h.
Status check_definition(const wire::Action& action);

// parse_component reads "/namespace/[package/]name" ("_" is the sequence's own namespace) and gives the
// canonical form.
Result<std::string> parse_component(std::string_view component, const std::string& own_namespace);

// merge_parameters makes one JSON object of an action's parameters; of equal keys the last one counts. A
// script gets those with `init: true` as environment variables when it starts, the others at each call; a
// native function gets all of them at each call.
enum class ParameterUse : std::uint8_t { kCall, kStart };
Result<std::string> merge_parameters(const wire::Action& action, ParameterUse use);

// next_version bumps the patch of "major.minor.patch".
std::string next_version(std::string_view version);

}  // namespace clemmys::kms
