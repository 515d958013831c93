// json_fields.h: typed access to members of a JSON object that remembers the first failure, so that a decoder
// reads all members and asks once. Inner header: only .cc files include it (it shows Boost.JSON). Trust:
// shared.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace clemmys::attest {

class JsonFields {
 public:
  // A null object, or a value that is no object, fails every access.
  explicit JsonFields(const boost::json::value* value)
      : object_(value != nullptr ? value->if_object() : nullptr) {}

  std::string_view text(std::string_view name) {
    const boost::json::value* value = member(name);
    const boost::json::string* text = value != nullptr ? value->if_string() : nullptr;
    if (text == nullptr) return failed();
    return *text;
  }
  std::uint64_t number(std::string_view name, std::uint64_t value_max) {
    const boost::json::value* value = member(name);
    boost::system::error_code error;
    const auto number = value != nullptr ? value->to_number<std::uint64_t>(error) : 0;
    if (value == nullptr || !value->is_number() || value->is_double() || error || number > value_max) {
      failed();
      return 0;
    }
    return number;
  }
  const boost::json::array& list(std::string_view name) {
    static const boost::json::array kEmpty;
    const boost::json::value* value = member(name);
    const boost::json::array* list = value != nullptr ? value->if_array() : nullptr;
    if (list == nullptr) failed();
    return list != nullptr ? *list : kEmpty;
  }
  JsonFields object(std::string_view name) {
    JsonFields inner(member(name));
    if (inner.object_ == nullptr) failed();
    return inner;
  }
  // hex reads N bytes of hexadecimal; PCS writes upper and lower case.
  template <typename Fixed>
  Fixed hex(std::string_view name) {
    std::string digits(text(name));
    std::ranges::transform(digits, digits.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto value = fixed_from_hex<Fixed>(digits);
    if (!value) failed();
    return value.value_or(Fixed{});
  }
  bool has(std::string_view name) const { return object_ != nullptr && object_->contains(name); }
  bool ok() const { return ok_ && object_ != nullptr; }

 private:
  const boost::json::value* member(std::string_view name) {
    return object_ != nullptr ? object_->if_contains(name) : nullptr;
  }
  std::string_view failed() {
    ok_ = false;
    return {};
  }
  const boost::json::object* object_;
  bool ok_ = true;
};

// parse_json is kDenied for anything but one JSON value; nesting and size are bounded.
inline Result<boost::json::value> parse_json(std::string_view text, std::string_view site) {
  constexpr std::size_t kSizeMax = 4 << 20;
  boost::json::parse_options options;
  options.max_depth = 16;
  boost::system::error_code error;
  if (text.size() > kSizeMax) return Error{ErrorCode::kDenied, site, "too large"};
  boost::json::value value = boost::json::parse(text, error, {}, options);
  if (error) return Error{ErrorCode::kDenied, site, "not JSON"};
  return value;
}

}  // namespace clemmys::attest
