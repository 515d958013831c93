#include "kms/definition_rules.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace clemmys::kms {
namespace {

namespace json = boost::json;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Error invalid(std::string_view site, std::string detail) {
  return Error{ErrorCode::kInvalid, site, std::move(detail)};
}

// parse_pairs checks an array of objects with exactly a string `key`, a `value`, and, where allowed, a
// boolean `init`.
Result<json::array> parse_pairs(std::string_view text, bool init_allowed) {
  if (text.size() > kJsonSizeMax)
    return Error{ErrorCode::kTooLarge, "kms.definition.json_size", "over 1 MiB"};
  json::error_code failed;
  json::parse_options options;
  options.max_depth = 64;
  json::value value = json::parse(text, failed, {}, options);
  const Error malformed =
      invalid("kms.definition.pairs", "expected an array of {\"key\", \"value\"} objects");
  if (failed || !value.is_array()) return malformed;
  for (const json::value& item : value.get_array()) {
    const json::object* pair = item.if_object();
    if (pair == nullptr || !pair->contains("value")) return malformed;
    const json::value* key = pair->if_contains("key");
    if (key == nullptr || !key->is_string()) return malformed;
    const json::value* init = pair->if_contains("init");
    if (init != nullptr && (!init_allowed || !init->is_bool())) return malformed;
    if (pair->size() != (init != nullptr ? 3u : 2u)) return malformed;
  }
  return std::move(value.get_array());
}

Status check_range(std::string_view name, std::uint32_t value, std::uint32_t least, std::uint32_t most) {
  if (value >= least && value <= most) return {};
  return invalid("kms.definition.limits", std::string(name) + " " + std::to_string(value) +
                                              " is not in the range of " + std::to_string(least) + " to " +
                                              std::to_string(most));
}

Status check_limits(const wire::Limits& limits) {
  TRY(check_range("timeout", limits.timeout_ms, 100, 300'000));
  TRY(check_range("memory", limits.memory_mib, 128, 512));
  TRY(check_range("logs", limits.logs_mib, 0, 10));
  return check_range("concurrency", limits.concurrency, 1, 1);
}

Status check_script(const wire::Action& action) {
  if (action.code.is_zero() || action.code_id.is_zero() || action.code_size == 0)
    return invalid("kms.definition.script", "a script needs code");
  if (action.code_size > wire::kCodeSizeMax)
    return Error{ErrorCode::kTooLarge, "kms.definition.code_size", "the code is over 48 MiB"};
  return {};
}

}  // namespace

bool is_entity_name(std::string_view name) {
  if (name.empty() || name.size() > kNameSizeMax || !is_word(name.front())) return false;
  const auto inner = [](char c) { return is_word(c) || c == '@' || c == ' ' || c == '.' || c == '-'; };
  return std::all_of(name.begin(), name.end(), inner) && name.back() != ' ';
}

Status check_definition(const wire::Action& action) {
  if (!is_entity_name(action.namespace_name) || !is_entity_name(action.name)) {
    return invalid("kms.definition.name",
                   "the name contains characters that are not allowed, or is too long");
  }
  if (!action.package.empty()) {
    return Error{ErrorCode::kUnsupported, "kms.definition.package", "packages are not supported yet"};
  }
  TRY(check_limits(action.limits));
  TRY(parse_pairs(action.annotations_json, false));
  TRY(parse_pairs(action.parameters_json, true));
  if (action.main.size() > kNameSizeMax) return invalid("kms.definition.main", "main is too long");
  const auto kind = wire::find_kind(action.kind);
  if (!kind || kind->name != action.kind)
    return Error{ErrorCode::kUnsupported, "kms.definition.kind", wire::unknown_kind(action.kind)};
  if (!kind->is_script() && !action.code_id.is_zero())
    return invalid("kms.definition.code_id", "only scripts have sealed code");
  if (kind->runtime == wire::Runtime::kSequence) {
    if (!action.image.is_zero() || !action.code.is_zero())
      return invalid("kms.definition.sequence", "a sequence has no code");
    return {};
  }
  if (!action.components.empty())
    return invalid("kms.definition.components", "only a sequence has components");
  if (kind->is_script()) return check_script(action);
  if (action.image.is_zero() || action.code.is_zero()) {
    return invalid("kms.definition.image", "a native action needs its image's measurement and digest");
  }
  return {};
}

Result<std::string> parse_component(std::string_view component, const std::string& own_namespace) {
  const Error malformed =
      invalid("kms.sequence.component_name", "a component is named /namespace/[package/]name");
  if (component.size() > 3 * kNameSizeMax + 3 || !component.starts_with('/')) return malformed;
  std::vector<std::string> parts;
  for (std::size_t start = 1; start <= component.size();) {
    const std::size_t end = std::min(component.find('/', start), component.size());
    parts.emplace_back(component.substr(start, end - start));
    start = end + 1;
  }
  if (parts.size() < 2 || parts.size() > 3) return malformed;
  if (parts[0] == "_") parts[0] = own_namespace;
  std::string canonical;
  for (const std::string& part : parts) {
    if (!is_entity_name(part)) return malformed;
    canonical += "/" + part;
  }
  if (parts[0] != own_namespace) {
    return Error{ErrorCode::kDenied, "kms.sequence.other_namespace",
                 "a component of another namespace needs its owner's consent, which cannot be given yet"};
  }
  return canonical;
}

Result<std::string> merge_parameters(const wire::Action& action, ParameterUse use) {
  const json::array pairs = TRY(parse_pairs(action.parameters_json, true));
  json::object merged;
  for (const json::value& item : pairs) {
    const json::object& pair = item.get_object();
    const json::value* init = pair.if_contains("init");
    const bool for_start = wire::is_script(action.kind) && init != nullptr && init->get_bool();
    if (for_start != (use == ParameterUse::kStart)) continue;
    merged[pair.at("key").get_string()] = pair.at("value");
  }
  return json::serialize(merged);
}

std::string next_version(std::string_view version) {
  const std::size_t dot = version.rfind('.');
  std::uint32_t patch = 0;
  if (dot == std::string_view::npos) return "0.0.1";
  std::from_chars(version.data() + dot + 1, version.data() + version.size(), patch);
  return std::string(version.substr(0, dot + 1)) + std::to_string(patch + 1);
}

}  // namespace clemmys::kms
