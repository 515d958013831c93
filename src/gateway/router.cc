#include "gateway/router.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

namespace clemmys::gateway {
namespace {

constexpr std::size_t kSegmentsMax = 10, kQueryMax = 32;
using Segments = std::vector<std::string>;

void route_entity(Route& route, const Segments& path, std::size_t rest) {
  const std::string& collection = path[4];
  if (collection == "limits" && rest == 0) {
    route.resource = Resource::kLimits;
  } else if (collection == "actions") {
    if (rest == 0 || (rest == 1 && path[5].empty())) {
      route.resource = Resource::kActions;
    } else if (rest == 1) {
      route.resource = Resource::kAction;
      route.name = path[5];
    } else if (rest == 2) {
      route.resource = path[6].empty() ? Resource::kPackageActions : Resource::kAction;
      route.package = path[5];
      route.name = path[6];
    }
  } else if (collection == "activations") {
    if (rest == 0) {
      route.resource = Resource::kActivations;
    } else {
      route.name = path[5];
      if (rest == 1) route.resource = Resource::kActivation;
      if (rest == 2 && path[6] == "logs") route.resource = Resource::kActivationLogs;
      if (rest == 2 && path[6] == "result") route.resource = Resource::kActivationResult;
    }
  } else if (collection == "packages" || collection == "triggers" || collection == "rules") {
    route.resource = Resource::kOtherCollection;
  }
}

void route_api(Route& route, const Segments& path) {
  const std::size_t size = path.size() == 3 && path[2].empty() ? 2 : path.size();
  if (size == 2) {
    route.resource = Resource::kInfo;
  } else if (path[2] == "namespaces") {
    if (size == 3 || (size == 4 && path[3].empty())) {
      route.resource = Resource::kNamespaces;
    } else if (size >= 5) {
      route.namespace_name = path[3];
      route_entity(route, path, size - 5);
    }
  }
}

void route_own(Route& route, const Segments& path) {
  if (path.size() == 3) {
    if (path[2] == "evidence") route.resource = Resource::kEvidence;
    if (path[2] == "health") route.resource = Resource::kHealth;
    if (path[2] == "metrics") route.resource = Resource::kMetrics;
    if (path[2] == "status") route.resource = Resource::kStatus;
  } else if (path.size() == 5 && path[2] == "namespaces" && path[4] == "claim") {
    route.resource = Resource::kClaim;
    route.namespace_name = path[3];
  }
}

Error malformed_parameter(std::string_view key, std::string_view value, std::string_view type) {
  return {ErrorCode::kInvalid, "gateway.route.parameter",
          "The query parameter '" + std::string(key) + "' was malformed:\n'" + std::string(value) +
              "' is not a valid " + std::string(type)};
}

}  // namespace

std::optional<std::string_view> Route::parameter(std::string_view key) const {
  for (const auto& [name_of, value] : query)
    if (name_of == key) return value;
  return std::nullopt;
}

Result<bool> Route::flag(std::string_view key, bool otherwise) const {
  const auto value = parameter(key);
  if (!value) return otherwise;
  if (*value == "true") return true;
  if (*value == "false") return false;
  return malformed_parameter(key, *value, "Boolean");
}

Result<std::uint64_t> Route::number(std::string_view key, std::uint64_t otherwise) const {
  const auto value = parameter(key);
  if (!value) return otherwise;
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), result);
  if (error != std::errc() || end != value->data() + value->size() || result > INT64_MAX)
    return malformed_parameter(key, *value, "non-negative integer value");
  return result;
}

Result<Route> parse_target(std::string_view target) {
  auto parsed = boost::urls::parse_origin_form(boost::urls::string_view(target.data(), target.size()));
  if (!parsed) return Error{ErrorCode::kInvalid, "gateway.route.target"};
  const boost::urls::url_view& url = *parsed;
  Route route;
  Segments path;
  if (url.segments().size() > kSegmentsMax || url.params().size() > kQueryMax)
    return Error{ErrorCode::kInvalid, "gateway.route.parts"};
  for (auto segment : url.segments()) path.emplace_back(segment.data(), segment.size());
  for (auto parameter : url.params())
    route.query.emplace_back(std::string(parameter.key.data(), parameter.key.size()),
                             std::string(parameter.value.data(), parameter.value.size()));
  if (path.size() >= 2 && path[0] == "api" && path[1] == "v1") route_api(route, path);
  if (path.size() >= 2 && path[0] == "clemmys" && path[1] == "v1") route_own(route, path);
  return route;
}

bool is_entity_name(std::string_view name) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const auto inner = [&](char c) { return word(c) || c == '@' || c == '.' || c == '-' || c == ' '; };
  if (name.empty() || name.size() > kEntityNameSizeMax || !word(name.front()) || name.back() == ' ')
    return false;
  return std::ranges::all_of(name, inner);
}

}  // namespace clemmys::gateway
