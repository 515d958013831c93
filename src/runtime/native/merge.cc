#include "runtime/native/merge.h"

#include <boost/json.hpp>

namespace clemmys::runtime {

namespace json = boost::json;

Result<Bytes> merge_parameters(std::string_view defaults_json, ByteView body) {
  if (defaults_json.empty() || defaults_json == "{}") return to_bytes(body);
  boost::system::error_code error;
  json::value defaults = json::parse(defaults_json, error);
  if (error || !defaults.is_object()) return Error{ErrorCode::kCorrupt, "runtime.merge.defaults"};
  json::value given = json::parse(as_text(body), error);
  if (error || !given.is_object())
    return to_bytes(body);  // an array from the step before: nothing to merge into
  for (auto& [key, value] : given.as_object()) defaults.as_object()[key] = std::move(value);
  return to_bytes(json::serialize(defaults));
}

JsonShape shape_of(ByteView text) {
  boost::system::error_code error;
  json::monotonic_resource memory(4096);
  const json::value value = json::parse(as_text(text), error, &memory);
  if (error || !(value.is_object() || value.is_array())) return JsonShape::kInvalid;
  return value.is_object() && value.as_object().contains("error") ? JsonShape::kError : JsonShape::kPlain;
}

Bytes error_json(std::string_view text) { return to_bytes(json::serialize(json::object{{"error", text}})); }

}  // namespace clemmys::runtime
