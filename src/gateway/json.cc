#include "gateway/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace clemmys::gateway {
namespace {

// Inspector is the parser's handler: it keeps the depth and looks at the top level only.
struct Inspector {
  static constexpr std::size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX, max_key_size = SIZE_MAX,
                               max_string_size = SIZE_MAX;
  using Code = boost::json::error_code;
  using View = boost::json::string_view;

  JsonFacts facts;
  std::vector<std::string>* keys = nullptr;
  std::string partial;
  std::size_t depth = 0;

  void enter(JsonShape shape) {
    if (depth++ == 0) facts.shape = shape;
  }
  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return enter(JsonShape::kObject), true; }
  bool on_object_end(std::size_t, Code&) { return --depth, true; }
  bool on_array_begin(Code&) { return enter(JsonShape::kArray), true; }
  bool on_array_end(std::size_t, Code&) { return --depth, true; }
  bool on_key_part(View part, std::size_t, Code&) {
    if (depth == 1) partial.append(part.data(), part.size());
    return true;
  }
  bool on_key(View part, std::size_t, Code&) {
    if (depth != 1) return true;
    partial.append(part.data(), part.size());
    if (facts.shape == JsonShape::kObject && partial == "error") facts.has_error = true;
    if (keys) keys->push_back(partial);
    partial.clear();
    return true;
  }
  bool on_string_part(View, std::size_t, Code&) { return true; }
  bool on_string(View, std::size_t, Code&) { return true; }
  bool on_number_part(View, Code&) { return true; }
  bool on_int64(std::int64_t, View, Code&) { return true; }
  bool on_uint64(std::uint64_t, View, Code&) { return true; }
  bool on_double(double, View, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(View, Code&) { return true; }
  bool on_comment(View, Code&) { return true; }
};

}  // namespace

Result<JsonFacts> inspect_json(std::string_view text, std::vector<std::string>* keys) {
  boost::json::parse_options options;
  options.max_depth = kJsonDepthMax;
  boost::json::basic_parser<Inspector> parser(options);
  parser.handler().keys = keys;
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error) return Error{ErrorCode::kInvalid, "gateway.json.syntax"};
  // Only white space may follow the value.
  if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
    return Error{ErrorCode::kInvalid, "gateway.json.trailing"};
  return parser.handler().facts;
}

void JsonWriter::comma() {
  if (!first_) out_.push_back(',');
  first_ = false;
}
JsonWriter& JsonWriter::open(char bracket) {
  comma();
  out_.push_back(bracket);
  first_ = true;
  return *this;
}
JsonWriter& JsonWriter::close(char bracket) {
  out_.push_back(bracket);
  first_ = false;
  return *this;
}
JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  out_.push_back(':');
  first_ = true;
  return *this;
}
JsonWriter& JsonWriter::text(std::string_view value) {
  comma();
  // Most names need no escape; those that do go through the library.
  bool plain = true;
  for (char c : value) plain = plain && c >= ' ' && c <= '~' && c != '"' && c != '\\';
  if (plain) {
    out_.append(1, '"').append(value).append(1, '"');
  } else {
    out_.append(boost::json::serialize(boost::json::string_view(value.data(), value.size())));
  }
  return *this;
}
JsonWriter& JsonWriter::number(std::uint64_t value) {
  comma();
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}
JsonWriter& JsonWriter::raw(std::string_view json) {
  comma();
  out_.append(json);
  return *this;
}

}  // namespace clemmys::gateway
