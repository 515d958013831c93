// merge.h: JSON objects of a call.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace clemmys::runtime {

// merge_parameters puts `body`'s members over `defaults` (both JSON objects). Without defaults, body is
// passed through as it is.
Result<Bytes> merge_parameters(std::string_view defaults_json, ByteView body);

enum class JsonShape : std::uint8_t { kInvalid, kPlain, kError };
// shape_of tells whether a handler's answer is a JSON object or array, and whether it is an object with a
// top-level "error".
JsonShape shape_of(ByteView json);

// error_json is {"error": text}.
Bytes error_json(std::string_view text);

}  // namespace clemmys::runtime
