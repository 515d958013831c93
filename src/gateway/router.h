// router.h: from a request target to what is asked for. Parsing is Boost.URL's; percent-encoding is decoded
// once, here, and names are checked against OpenWhisk's grammar before anything looks them up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gateway/http_types.h"

namespace clemmys::gateway {

enum class Resource : std::uint8_t {
  kUnknown,
  kInfo,              // /api/v1
  kNamespaces,        // /api/v1/namespaces
  kLimits,            // …/namespaces/{ns}/limits
  kActions,           // …/actions
  kAction,            // …/actions/[{package}/]{name}
  kPackageActions,    // …/actions/{package}/
  kActivations,       // …/activations
  kActivation,        // …/activations/{id}
  kActivationLogs,    // …/activations/{id}/logs
  kActivationResult,  // …/activations/{id}/result
  kOtherCollection,   // packages, triggers, rules: not in this deployment
  kEvidence,          // /clemmys/v1/evidence
  kClaim,             // /clemmys/v1/namespaces/{ns}/claim
  kHealth,
  kMetrics,
  kStatus,
};

struct Route {
  Resource resource = Resource::kUnknown;
  std::string namespace_name;  // as given: may be "_"
  std::string package, name;   // name: of the action, or the activation id
  std::vector<std::pair<std::string, std::string>> query;

  std::optional<std::string_view> parameter(std::string_view key) const;
  // flag and number read a parameter strictly; kInvalid with OpenWhisk's text as detail.
  Result<bool> flag(std::string_view key, bool otherwise) const;
  Result<std::uint64_t> number(std::string_view key, std::uint64_t otherwise) const;
};

// parse_target gives kUnknown for paths that are no resource; kInvalid when the target is no valid origin
// form.
Result<Route> parse_target(std::string_view target);

// is_entity_name: \A([\w]|[\w][\w@ .-]*[\w@.-]+)\z, at most 256 characters.
bool is_entity_name(std::string_view name);
inline constexpr std::size_t kEntityNameSizeMax = 256;

}  // namespace clemmys::gateway
