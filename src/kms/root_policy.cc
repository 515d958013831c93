#include "kms/root_policy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "attest/tcb.h"
#include "crypto/crypto.h"
#include "kms/strict_yaml.h"

namespace clemmys::kms {
namespace {

std::string check_measurement(const std::string& text) {
  const auto value = fixed_from_hex<Measurement>(text);
  return value && !value->is_zero() ? ""
                                    : "is not a measurement (64 lower-case hexadecimal digits, not all zero)";
}

std::string check_dns_name(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  // A name whose last label is a number would be read as an address by some.
  const std::string last = text.substr(text.rfind('.') + 1);
  const bool number = std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
  const bool good = !text.empty() && !number && text.size() <= 253 &&
                    std::all_of(text.begin(), text.end(), allowed) && text.front() != '.' &&
                    text.front() != '-' && text.back() != '.' && text.back() != '-' &&
                    text.find("..") == std::string::npos;
  return good ? "" : "is not a DNS name in lower case, without wildcard";
}

std::string check_ip_address(const std::string& text) {
  for (const int family : {AF_INET, AF_INET6}) {
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> again{};
    if (::inet_pton(family, text.c_str(), address.data()) != 1) continue;
    if (::inet_ntop(family, address.data(), again.data(), again.size()) != nullptr && text == again.data())
      return "";
  }
  return "is not an IP address in its usual form";
}

// Intel's words for TCB statuses; Revoked is never tolerated.
std::string check_tcb_status(const std::string& text) {
  const auto status = attest::tcb_status_from_name(text);
  return status && *status != attest::TcbStatus::kRevoked ? "" : "is not a TCB status that can be tolerated";
}

Status read_measurements(const YAML::Node& node, const std::string& field, std::set<Measurement>& into) {
  for (const std::string& text : TRY(yaml_strings(node, field, check_measurement)))
    into.insert(*fixed_from_hex<Measurement>(text));
  return {};
}

// read_generic keeps the order: the first image is for new actions.
Status read_generic(const YAML::Node& node, RootPolicy& policy) {
  for (const std::string& text : TRY(yaml_strings(node, "javascript", check_measurement)))
    policy.javascript.push_back(*fixed_from_hex<Measurement>(text));
  return {};
}

Status read_images(const YAML::Node& node, RootPolicy& policy) {
  const Fields fields = {
      {"kms", [&](const YAML::Node& value) { return read_measurements(value, "kms", policy.kms); }},
      {"gateway",
       [&](const YAML::Node& value) { return read_measurements(value, "gateway", policy.gateways); }},
      {"javascript", [&](const YAML::Node& value) { return read_generic(value, policy); }},
      {"native", [&](const YAML::Node& value) -> Status {
         if (TRY(yaml_scalar(value, "native")) != "any-deployed")
           return at(value.Mark(), "native must be any-deployed");
         return {};
       }}};
  const auto seen = TRY(read_fields(node, "images", fields));
  if (policy.gateways.empty()) return at(node.Mark(), "images must name a gateway");
  for (const Measurement& image : policy.javascript) {
    if (policy.kms.contains(image) || policy.gateways.contains(image))
      return at(node.Mark(),
                "an image of the key service or gateway cannot be a generic image for functions");
  }
  return {};
}

Status read_names(const YAML::Node& node, RootPolicy& policy) {
  const auto check = [](const std::string& text) {
    return check_ip_address(text).empty() ? "" : check_dns_name(text);
  };
  for (std::string& text : TRY(yaml_strings(node, "dns_names", check))) {
    (check_ip_address(text).empty() ? policy.ip_addresses : policy.dns_names).push_back(std::move(text));
  }
  return {};
}

Status read_policy(const YAML::Node& root, RootPolicy& policy) {
  const Fields fields = {
      {"version",
       [](const YAML::Node& value) -> Status {
         if (TRY(yaml_scalar(value, "version")) != "1") return at(value.Mark(), "this KMS reads version 1");
         return {};
       }},
      {"images", [&](const YAML::Node& value) { return read_images(value, policy); }},
      {"dns_names", [&](const YAML::Node& value) { return read_names(value, policy); }},
      {"tolerated_tcb",
       [&](const YAML::Node& value) -> Status {
         for (const std::string& text : TRY(yaml_strings(value, "tolerated_tcb", check_tcb_status))) {
           policy.tcb_statuses.insert(*attest::tcb_status_from_name(text));
         }
         return {};
       }},
      {"insecure_accept_software_sgx",
       [&](const YAML::Node& value) -> Status {
         policy.trust.insecure_accept_software_sgx = TRY(yaml_boolean(value, "insecure_accept_software_sgx"));
         return {};
       }},
      {"software_root",
       [&](const YAML::Node& value) -> Status {
         policy.trust.software_root_der = TRY(yaml_base64(value, "software_root"));
         return {};
       }},
      {"insecure_file_anchor", [&](const YAML::Node& value) -> Status {
         policy.insecure_file_anchor = TRY(yaml_boolean(value, "insecure_file_anchor"));
         return {};
       }}};
  const auto seen = TRY(read_fields(root, "the policy", fields));
  for (const char* needed : {"version", "images", "dns_names", "tolerated_tcb"}) {
    if (!seen.contains(needed)) return at(root.Mark(), std::string("field '") + needed + "' is missing");
  }
  if (policy.dns_names.empty() && policy.ip_addresses.empty())
    return at(root.Mark(), "dns_names must name the deployment");
  if (policy.tcb_statuses.empty())
    return at(root.Mark(), "tolerated_tcb must name a status, such as UpToDate");
  if (policy.trust.insecure_accept_software_sgx == policy.trust.software_root_der.empty()) {
    return at(root.Mark(), "insecure_accept_software_sgx: true and software_root go together");
  }
  return {};
}

}  // namespace

bool RootPolicy::is_generic(const Measurement& image) const {
  return std::ranges::find(javascript, image) != javascript.end();
}

Result<RootPolicy> parse_root_policy(std::string text) {
  if (text.size() > kPolicySizeMax) return Error{ErrorCode::kTooLarge, "kms.root_policy.size"};
  RootPolicy policy;
  TRY(load_yaml(text, [&](const YAML::Node& root) { return read_policy(root, policy); }));
  policy.digest = crypto::sha256(as_bytes(text));
  policy.text = std::move(text);
  return policy;
}

}  // namespace clemmys::kms
