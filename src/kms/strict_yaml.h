// strict_yaml.h: reading a small YAML document so that every text has one meaning: no unknown, repeated or
// missing fields, no other types, errors with line and column. yaml-cpp parses; its exceptions end in
// load_yaml. For .cc files only.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace clemmys::kms {

// at is a kInvalid error: "line L, column C: what".
Error at(const YAML::Mark& mark, const std::string& what);

// load_yaml parses exactly one document and gives its root to `read`.
Status load_yaml(const std::string& text, const std::function<Status(const YAML::Node&)>& read);

Result<std::string> yaml_scalar(const YAML::Node& node, const std::string& field);
Result<bool> yaml_boolean(const YAML::Node& node, const std::string& field);
// yaml_base64 accepts one spelling per value: padded, without white space or stray bits.
Result<Bytes> yaml_base64(const YAML::Node& node, const std::string& field);

// yaml_strings reads a list of different strings; `check` says what is wrong with one, or nothing.
using StringCheck = std::function<std::string(const std::string&)>;
Result<std::vector<std::string>> yaml_strings(const YAML::Node& node, const std::string& field,
                                              const StringCheck& check);

// read_fields reads a mapping and gives the names that it had.
using FieldReader = std::function<Status(const YAML::Node& value)>;
using Fields = std::map<std::string, FieldReader>;
Result<std::set<std::string>> read_fields(const YAML::Node& node, const std::string& what,
                                          const Fields& fields);

}  // namespace clemmys::kms
