#include "runtime/native/merge.h"

#include <boost/json.hpp>

namespace clemmys::runtime {

namespace json = boost::json;

namespace {
// depth_options allow the nesting that a gateway lets in (gateway/json.h). With less, a caller who nests
// deeper would escape what the action's own parameters say.
json::parse_options depth_options() {
  json::parse_options options;
  options.max_depth = 64;
  return options;
}
}  // namespace

Result<Bytes> merge_parameters(std::string_view defaults_json, ByteView body) {
  if (defaults_json.empty() || defaults_json == "{}") return to_bytes(body);
  boost::system::error_code error;
  json::value defaults = json::parse(defaults_json, error, {}, depth_options());
  if (error || !defaults.is_object()) return Error{ErrorCode::kCorrupt, "runtime.merge.defaults"};
  json::value given = json::parse(as_text(body), error, {}, depth_options());
  if (error) return Error{ErrorCode::kCorrupt, "runtime.merge.body"};
  if (!given.is_object()) return to_bytes(body);  // an array from the step before: nothing to merge into
  for (auto& [key, value] : given.as_object()) defaults.as_object()[key] = std::move(value);
  return to_bytes(json::serialize(defaults));
}

JsonShape shape_of(ByteView text) {
  boost::system::error_code error;
  json::monotonic_resource memory(4096);
  const json::value value = json::parse(as_text(text), error, &memory, depth_options());
  if (error || !(value.is_object() || value.is_array())) return JsonShape::kInvalid;
  return value.is_object() && value.as_object().contains("error") ? JsonShape::kError : JsonShape::kPlain;
}

Bytes error_json(std::string_view text) { return to_bytes(json::serialize(json::object{{"error", text}})); }

}  // namespace clemmys::runtime
