// json.h: JSON that passes through. Bodies and results are inspected in one pass, without a tree, and travel
// as the bytes they came as; answers are appended to a string. Parsing is Boost.JSON's, strict (RFC 8259,
// UTF-8 checked, depth limited).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clemmys::gateway {

inline constexpr std::size_t kJsonDepthMax = 64;

enum class JsonShape : std::uint8_t { kObject, kArray, kOther };
struct JsonFacts {
  JsonShape shape = JsonShape::kOther;
  bool has_error = false;  // an object with a top-level "error"
};

// inspect_json checks one whole JSON text. With `keys`, the top-level keys of an object are appended there.
// kInvalid otherwise.
Result<JsonFacts> inspect_json(std::string_view text, std::vector<std::string>* keys = nullptr);

// JsonWriter appends one JSON text to a string; it sets the commas, the caller sets the order.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& open(char bracket);   // '{' or '['
  JsonWriter& close(char bracket);  // '}' or ']'
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  // raw appends bytes that are JSON already.
  JsonWriter& raw(std::string_view json);

 private:
  void comma();
  std::string& out_;
  bool first_ = true;
};

}  // namespace clemmys::gateway
