#include "gateway/action_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/base64.h"
#include "gateway/json.h"

namespace clemmys::gateway {
namespace {

namespace json = boost::json;

Error invalid(std::string detail) {
  return {ErrorCode::kInvalid, "gateway.action.malformed", std::move(detail)};
}
json::string_view view(std::string_view text) { return {text.data(), text.size()}; }
std::string string(const json::string& text) { return {text.data(), text.size()}; }

// read_pairs checks [{key, value}, …] and drops what is not key, value or init.
Result<json::array> read_pairs(const json::value& value, std::string_view field) {
  const Error bad = invalid(std::string(field) + " must be an array of objects with key and value");
  if (!value.is_array()) return bad;
  json::array pairs;
  for (const json::value& item : value.get_array()) {
    const json::object* pair = item.if_object();
    const json::value* key = pair ? pair->if_contains("key") : nullptr;
    if (!key || !key->is_string()) return bad;
    json::object clean{{"key", *key}};
    const json::value* content = pair->if_contains("value");
    clean["value"] = content ? *content : json::value();
    if (const json::value* init = pair->if_contains("init"); init && init->is_bool() && field == "parameters")
      clean["init"] = *init;
    pairs.push_back(std::move(clean));
  }
  return pairs;
}

json::array parse_pairs(const std::string& text) {
  json::error_code error;
  json::value value = json::parse(view(text), error);
  return !error && value.is_array() ? std::move(value.get_array()) : json::array();
}

json::value* find_pair(json::array& pairs, std::string_view key) {
  for (json::value& pair : pairs)
    if (pair.at("key").as_string() == view(key)) return &pair.at("value");
  return nullptr;
}

void set_pair(json::array& pairs, std::string_view key, json::value content) {
  if (json::value* found = find_pair(pairs, key)) {
    *found = std::move(content);
  } else {
    pairs.push_back(json::object{{"key", view(key)}, {"value", std::move(content)}});
  }
}

Status read_limit(const json::object& limits, std::string_view name, std::string_view unit,
                  std::uint32_t least, std::uint32_t most, std::uint32_t& out) {
  const json::value* value = limits.if_contains(view(name));
  if (!value || value->is_null()) return {};
  json::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error) return invalid("limit " + std::string(name) + " must be an integer");
  const std::string prefix =
      "requirement failed: " + std::string(name) + " " + std::to_string(number) + " " + std::string(unit);
  if (number < least)
    return invalid(prefix + " below allowed threshold of " + std::to_string(least) + " " + std::string(unit));
  if (number > most)
    return invalid(prefix + " exceeds allowed threshold of " + std::to_string(most) + " " +
                   std::string(unit));
  out = static_cast<std::uint32_t>(number);
  return {};
}

Status read_limits(const json::value& value, wire::Limits& out) {
  const json::object* limits = value.if_object();
  if (!limits) return invalid("limits must be an object");
  TRY(read_limit(*limits, "timeout", "milliseconds", 100, 300'000, out.timeout_ms));
  TRY(read_limit(*limits, "memory", "MB", 128, 512, out.memory_mib));
  TRY(read_limit(*limits, "logs", "MB", 0, 10, out.logs_mib));
  return read_limit(*limits, "concurrency", "activations", 1, 1, out.concurrency);
}

Status read_components(const json::value& value, std::string_view namespace_name, wire::Action& action) {
  if (!value.is_array()) return invalid("exec.components must be an array");
  if (value.get_array().empty()) return invalid("No component specified for the sequence.");
  action.components.clear();
  for (const json::value& item : value.get_array()) {
    if (!item.is_string()) return invalid("exec.components must hold strings");
    std::string component = string(item.get_string());
    if (!component.starts_with('/')) component = "/_/" + component;
    if (component.starts_with("/_/")) component.replace(1, 1, namespace_name);
    action.components.push_back(std::move(component));
  }
  return {};
}

// is_zip looks for the head of an archive's first file (APPNOTE.TXT 4.3.7).
bool is_zip(ByteView bytes) { return as_text(bytes).starts_with("PK\x03\x04"); }

// read_code: images and zip archives come as base64, scripts as text. Clients need not say which: no script
// is the base64 text of an archive.
Status read_code(const json::object& exec, const wire::ActionKind& kind, std::size_t code_size_max,
                 ActionPut& put) {
  const json::value *code = exec.if_contains("code"), *binary = exec.if_contains("binary");
  if (!code || !code->is_string()) return invalid("exec.code must be a string");
  if (binary && !binary->is_null() && !binary->is_bool()) return invalid("exec.binary must be a Boolean");
  const std::string_view text(code->get_string().data(), code->get_string().size());
  const bool said_binary = !kind.is_script() || (binary && binary->is_bool() && binary->get_bool());
  const Error too_large{ErrorCode::kTooLarge, "gateway.action.code",
                        "The code is over the limit of " + std::to_string(code_size_max) + " bytes."};
  if (text.size() / 4 * 3 > code_size_max + 2 && (said_binary || text.size() > code_size_max))
    return too_large;
  auto bytes = crypto::from_base64(text);
  if (said_binary && !bytes) return invalid("exec.code is not valid base64");
  if (said_binary && kind.is_script() && !is_zip(*bytes))
    return invalid("exec.code is not a zip archive; a script's text is sent with binary: false");
  put.action.binary = said_binary || (bytes && is_zip(*bytes));
  put.code = put.action.binary ? std::move(*bytes) : to_bytes(text);
  if (put.code->size() > code_size_max) return too_large;
  if (put.code->empty()) return invalid("exec.code is empty");
  return {};
}

Status read_exec(const json::value& value, std::string_view namespace_name, std::size_t code_size_max,
                 ActionPut& put) {
  const json::object* exec = value.if_object();
  if (!exec) return invalid("exec must be an object");
  const json::value* kind = exec->if_contains("kind");
  if (!kind || !kind->is_string()) return invalid("exec.kind is missing");
  const auto found = wire::find_kind(string(kind->get_string()));
  if (!found)
    return Error{ErrorCode::kUnsupported, "gateway.action.kind",
                 wire::unknown_kind(string(kind->get_string()))};
  put.action.kind = found->name;
  const json::value* main = exec->if_contains("main");
  if (main && !main->is_null() && !main->is_string()) return invalid("exec.main must be a string");
  put.action.main = main && main->is_string() ? string(main->get_string()) : std::string();
  if (found->runtime == wire::Runtime::kSequence) {
    const json::value* components = exec->if_contains("components");
    if (!components) return invalid("No component specified for the sequence.");
    put.action.binary = false;
    return read_components(*components, namespace_name, put.action);
  }
  put.action.components.clear();
  return read_code(*exec, *found, code_size_max, put);
}

Status read_annotations(const json::object& body, const wire::Action* old, wire::Action& action) {
  json::array annotations = old ? parse_pairs(old->annotations_json) : json::array();
  if (const json::value* removed = body.if_contains("delAnnotations"); removed && !removed->is_null()) {
    if (!removed->is_array()) return invalid("delAnnotations must be an array");
    for (const json::value& key : removed->get_array()) {
      if (!key.is_string()) return invalid("delAnnotations must hold strings");
      for (auto at = annotations.begin(); at != annotations.end();)
        at = at->at("key").as_string() == key.get_string() ? annotations.erase(at) : at + 1;
    }
  }
  if (const json::value* given = body.if_contains("annotations"); given && !given->is_null()) {
    for (json::value& pair : TRY(read_pairs(*given, "annotations")))
      set_pair(annotations, std::string_view(pair.at("key").as_string()), pair.at("value"));
  }
  if (!old && !find_pair(annotations, "provide-api-key")) set_pair(annotations, "provide-api-key", false);
  set_pair(annotations, "exec", json::string(view(action.kind)));
  action.annotations_json = json::serialize(annotations);
  return {};
}

}  // namespace

Result<ActionPut> parse_action_put(std::string_view body, std::string_view namespace_name,
                                   std::string_view name, const wire::Action* old,
                                   std::size_t code_size_max) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  const json::value document = json::parse(view(body), error, {}, options);
  if (error || !document.is_object()) return invalid("Expected a JSON object.");
  const json::object& fields = document.get_object();

  ActionPut put;
  wire::Action& action = put.action;
  if (old) action = *old;
  action.namespace_name = namespace_name;
  action.name = name;
  const json::value* exec = fields.if_contains("exec");
  if (exec && !exec->is_null()) {
    TRY(read_exec(*exec, namespace_name, code_size_max, put));
  } else if (!old) {
    return invalid("exec undefined");
  }
  if (const json::value* limits = fields.if_contains("limits"); limits && !limits->is_null())
    TRY(read_limits(*limits, action.limits));
  if (const json::value* publish = fields.if_contains("publish"); publish && !publish->is_null()) {
    if (!publish->is_bool()) return invalid("publish must be a Boolean");
    action.publish = publish->get_bool();
  }
  if (const json::value* parameters = fields.if_contains("parameters"); parameters && !parameters->is_null())
    action.parameters_json = json::serialize(TRY(read_pairs(*parameters, "parameters")));
  TRY(read_annotations(fields, old, action));
  return put;
}

namespace {

void append_common(JsonWriter& out, const wire::Action& action) {
  out.key("namespace")
      .text(action.package.empty() ? action.namespace_name : action.namespace_name + "/" + action.package);
  out.key("name")
      .text(action.name)
      .key("version")
      .text(action.version)
      .key("publish")
      .boolean(action.publish);
  out.key("annotations").raw(action.annotations_json).key("updated").number(action.updated_unix_ms);
  out.key("limits")
      .open('{')
      .key("timeout")
      .number(action.limits.timeout_ms)
      .key("memory")
      .number(action.limits.memory_mib);
  out.key("logs")
      .number(action.limits.logs_mib)
      .key("concurrency")
      .number(action.limits.concurrency)
      .close('}');
}

}  // namespace

std::string action_json(const wire::Action& action, std::optional<ByteView> code) {
  std::string body;
  if (code) body.reserve(code->size() / 3 * 4 + 2048);
  JsonWriter out(body);
  out.open('{');
  append_common(out, action);
  out.key("parameters").raw(action.parameters_json).key("exec").open('{').key("kind").text(action.kind);
  out.key("binary").boolean(action.binary);
  if (!action.main.empty()) out.key("main").text(action.main);
  if (code && action.binary) out.key("code").text(crypto::to_base64(*code));
  if (code && !action.binary) out.key("code").text(as_text(*code));
  if (!action.components.empty()) {
    out.key("components").open('[');
    for (const std::string& component : action.components) out.text(component);
    out.close(']');
  }
  out.close('}').close('}');
  return body;
}

std::string action_summary_json(const wire::Action& action) {
  std::string body;
  JsonWriter out(body);
  out.open('{');
  append_common(out, action);
  out.key("exec").open('{').key("binary").boolean(action.binary).close('}').close('}');
  return body;
}

bool has_final_parameters(const wire::Action& action) {
  if (action.annotations_json.find("\"final\"") == std::string::npos) return false;
  json::array annotations = parse_pairs(action.annotations_json);
  const json::value* final = find_pair(annotations, "final");
  return final && final->is_bool() && final->get_bool();
}

bool is_own_parameter(const wire::Action& action, std::string_view key) {
  json::array parameters = parse_pairs(action.parameters_json);
  return find_pair(parameters, key) != nullptr;
}

}  // namespace clemmys::gateway
