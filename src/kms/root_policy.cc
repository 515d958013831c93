#include "kms/root_policy.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "attest/tcb.h"
#include "crypto/crypto.h"

namespace clemmys::kms {
namespace {

Error at(const YAML::Mark& mark, const std::string& what) {
  return Error{ErrorCode::kInvalid, "kms.root_policy",
               "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1) + ": " + what};
}

Result<std::string> scalar(const YAML::Node& node, const std::string& field) {
  if (!node.IsScalar()) return at(node.Mark(), field + " must be one value");
  return node.Scalar();
}

// strings reads a list of different strings; each one goes through `check`, which says what is wrong, or nothing.
using Check = std::function<std::string(const std::string&)>;
Result<std::vector<std::string>> strings(const YAML::Node& node, const std::string& field, const Check& check) {
  if (!node.IsSequence()) return at(node.Mark(), field + " must be a list");
  std::vector<std::string> values;
  for (const YAML::Node& item : node) {
    std::string value = TRY(scalar(item, "an element of " + field));
    if (const std::string wrong = check(value); !wrong.empty()) return at(item.Mark(), "'" + value + "' " + wrong);
    if (std::find(values.begin(), values.end(), value) != values.end()) return at(item.Mark(), "'" + value + "' is repeated");
    values.push_back(std::move(value));
  }
  return values;
}

std::string check_measurement(const std::string& text) {
  const auto value = fixed_from_hex<Measurement>(text);
  return value && !value->is_zero() ? "" : "is not a measurement (64 lower-case hexadecimal digits, not all zero)";
}

std::string check_dns_name(const std::string& text) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  // A name whose last label is a number would be read as an address by some.
  const std::string last = text.substr(text.rfind('.') + 1);
  const bool number = std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
  const bool good = !text.empty() && !number && text.size() <= 253 && std::all_of(text.begin(), text.end(), allowed) &&
                    text.front() != '.' && text.front() != '-' && text.back() != '.' && text.back() != '-' &&
                    text.find("..") == std::string::npos;
  return good ? "" : "is not a DNS name in lower case, without wildcard";
}

std::string check_ip_address(const std::string& text) {
  for (const int family : {AF_INET, AF_INET6}) {
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> again{};
    if (::inet_pton(family, text.c_str(), address.data()) != 1) continue;
    if (::inet_ntop(family, address.data(), again.data(), again.size()) != nullptr && text == again.data()) return "";
  }
  return "is not an IP address in its usual form";
}

// Intel's words for TCB statuses; Revoked is never tolerated.
std::string check_tcb_status(const std::string& text) {
  const auto status = attest::tcb_status_from_name(text);
  return status && *status != attest::TcbStatus::kRevoked ? "" : "is not a TCB status that can be tolerated";
}

Result<bool> boolean(const YAML::Node& node, const std::string& field) {
  const std::string text = TRY(scalar(node, field));
  if (text != "true" && text != "false") return at(node.Mark(), field + " must be true or false");
  return text == "true";
}

// base64 accepts exactly one spelling per value: what OpenSSL would write.
Result<Bytes> base64(const YAML::Node& node, const std::string& field) {
  const std::string text = TRY(scalar(node, field));
  const Error malformed = at(node.Mark(), field + " must be base64");
  Bytes bytes(text.size() / 4 * 3 + 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (text.empty() || text.size() % 4 != 0 || size < 0) return malformed;
  const std::size_t padding = text.size() - std::min(text.size(), text.find_last_not_of('=') + 1);
  if (padding > 2) return malformed;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  std::string again(text.size() + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(again.data()), bytes.data(), static_cast<int>(bytes.size()));
  again.pop_back();
  if (again != text) return malformed;
  return bytes;
}

// Fields is a mapping read strictly: names are scalars, none is repeated, each is known.
using FieldReader = std::function<Status(const YAML::Node& value)>;
using Fields = std::map<std::string, FieldReader>;
Result<std::set<std::string>> read_fields(const YAML::Node& node, const std::string& what, const Fields& fields) {
  if (!node.IsMap()) return at(node.Mark(), what + " must be a mapping");
  std::set<std::string> seen;
  for (const auto& item : node) {
    const std::string name = TRY(scalar(item.first, "a field's name"));
    const auto field = fields.find(name);
    if (field == fields.end()) return at(item.first.Mark(), "unknown field '" + name + "'");
    if (!seen.insert(name).second) return at(item.first.Mark(), "field '" + name + "' is repeated");
    TRY(field->second(item.second));
  }
  return seen;
}

Status read_measurements(const YAML::Node& node, const std::string& field, std::set<Measurement>& into) {
  for (const std::string& text : TRY(strings(node, field, check_measurement))) into.insert(*fixed_from_hex<Measurement>(text));
  return {};
}

Status read_images(const YAML::Node& node, RootPolicy& policy) {
  const Fields fields = {
      {"kms", [&](const YAML::Node& value) { return read_measurements(value, "kms", policy.kms); }},
      {"gateway", [&](const YAML::Node& value) { return read_measurements(value, "gateway", policy.gateways); }},
      {"native", [&](const YAML::Node& value) -> Status {
         if (TRY(scalar(value, "native")) != "any-deployed") return at(value.Mark(), "native must be any-deployed");
         return {};
       }}};
  const auto seen = TRY(read_fields(node, "images", fields));
  if (policy.gateways.empty()) return at(node.Mark(), "images must name a gateway");
  return {};
}

Status read_names(const YAML::Node& node, RootPolicy& policy) {
  const auto check = [](const std::string& text) { return check_ip_address(text).empty() ? "" : check_dns_name(text); };
  for (std::string& text : TRY(strings(node, "dns_names", check))) {
    (check_ip_address(text).empty() ? policy.ip_addresses : policy.dns_names).push_back(std::move(text));
  }
  return {};
}

Status read_policy(const YAML::Node& root, RootPolicy& policy) {
  const Fields fields = {
      {"version", [](const YAML::Node& value) -> Status {
         if (TRY(scalar(value, "version")) != "1") return at(value.Mark(), "this KMS reads version 1");
         return {};
       }},
      {"images", [&](const YAML::Node& value) { return read_images(value, policy); }},
      {"dns_names", [&](const YAML::Node& value) { return read_names(value, policy); }},
      {"tolerated_tcb", [&](const YAML::Node& value) -> Status {
         for (const std::string& text : TRY(strings(value, "tolerated_tcb", check_tcb_status))) {
           policy.tcb_statuses.insert(*attest::tcb_status_from_name(text));
         }
         return {};
       }},
      {"insecure_accept_software_sgx", [&](const YAML::Node& value) -> Status {
         policy.trust.insecure_accept_software_sgx = TRY(boolean(value, "insecure_accept_software_sgx"));
         return {};
       }},
      {"software_root", [&](const YAML::Node& value) -> Status {
         policy.trust.software_root_der = TRY(base64(value, "software_root"));
         return {};
       }},
      {"insecure_file_anchor", [&](const YAML::Node& value) -> Status {
         policy.insecure_file_anchor = TRY(boolean(value, "insecure_file_anchor"));
         return {};
       }}};
  const auto seen = TRY(read_fields(root, "the policy", fields));
  for (const char* needed : {"version", "images", "dns_names", "tolerated_tcb"}) {
    if (!seen.contains(needed)) return at(root.Mark(), std::string("field '") + needed + "' is missing");
  }
  if (policy.dns_names.empty() && policy.ip_addresses.empty()) return at(root.Mark(), "dns_names must name the deployment");
  if (policy.tcb_statuses.empty()) return at(root.Mark(), "tolerated_tcb must name a status, such as UpToDate");
  if (policy.trust.insecure_accept_software_sgx == policy.trust.software_root_der.empty()) {
    return at(root.Mark(), "insecure_accept_software_sgx: true and software_root go together");
  }
  return {};
}

}  // namespace

Result<RootPolicy> parse_root_policy(std::string text) {
  if (text.size() > kPolicySizeMax) return Error{ErrorCode::kTooLarge, "kms.root_policy.size"};
  RootPolicy policy;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() != 1) return Error{ErrorCode::kInvalid, "kms.root_policy", "expected one YAML document"};
    TRY(read_policy(documents.front(), policy));
  } catch (const YAML::Exception& failure) {
    return at(failure.mark, failure.msg);
  }
  policy.digest = crypto::sha256(as_bytes(text));
  policy.text = std::move(text);
  return policy;
}

}  // namespace clemmys::kms
