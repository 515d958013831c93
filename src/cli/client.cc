#include "cli/client.h"

#include <boost/json.hpp>
#include <chrono>

#include "base/clock.h"
#include "cli/outcome.h"
#include "cli/trust.h"
#include "crypto/base64.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

// The gateway waits up to 60 s for a blocking invocation; uploads add to it.
constexpr std::chrono::seconds kTimeout{90};

Error refused(const HttpResponse& response, const std::string& what) {
  std::string why = "HTTP status " + std::to_string(response.status);
  if (const auto body = parse_json(response.body); body && body->is_object()) {
    if (const json::value* text = body->get_object().if_contains("error");
        text != nullptr && text->is_string())
      why = text->get_string();
  }
  if (response.status == 404 && !response.header("retry-after").empty())
    return failure(ErrorCode::kDeadline, "cli.api.unfinished", why, "wait for it: --wait; or ask later");
  const bool of_run = what.find("/activations/") != std::string::npos;
  why = what + ": " + why;
  switch (response.status) {
    case 400:
      return failure(ErrorCode::kInvalid, "cli.api.invalid", why, "correct the request");
    case 401:
      return failure(ErrorCode::kUnauthenticated, "cli.api.unauthenticated", why,
                     "check the API key (--auth, CLEMMYS_AUTH, or clemmys namespace claim)");
    case 403:
      return failure(ErrorCode::kDenied, "cli.api.denied", why,
                     what.ends_with("/claim") ? "ask the operator for the namespace's one-time token"
                                              : "ask the namespace's owner for the right");
    case 404:
      return failure(ErrorCode::kNotFound, "cli.api.not_found", why,
                     of_run ? "see what exists: clemmys activations" : "see what exists: clemmys list");
    case 409:
      return failure(ErrorCode::kConflict, "cli.api.conflict", why,
                     "look at the present state (clemmys get), then retry");
    case 413:
      return failure(ErrorCode::kTooLarge, "cli.api.too_large", why,
                     "send less; GET /api/v1/namespaces/_/limits says what holds");
    case 429:
      return failure(ErrorCode::kExhausted, "cli.api.busy", why, "retry later");
    case 501:
      return failure(ErrorCode::kUnsupported, "cli.api.unsupported", why, "see the platform's documentation");
    case 503:
      return failure(ErrorCode::kUnavailable, "cli.api.unavailable", why,
                     "retry later; the operator sees why in logs/");
    default:
      break;
  }
  return failure(response.status < 500 ? ErrorCode::kInvalid : ErrorCode::kCorrupt, "cli.api.failed", why,
                 "the operator sees why in logs/ of the platform's state");
}

}  // namespace

Result<Client> Client::open(const Options& options) {
  std::optional<Url> url;
  if (!options.url.empty()) url = TRY(parse_url(options.url));
  TrustedPlatform platform = TRY(find_platform(options.config, url));
  TRY(renew_trust(options.config, platform, SystemClock().unix_ms() / 1000));
  std::string credential = options.credential;
  if (credential.empty()) credential = TRY(find_credential(options.config, platform.url));
  return Client(std::move(platform), std::move(credential));
}

Result<HttpResponse> Client::call(std::string method, std::string path, Bytes body,
                                  std::string content_type) const {
  HttpRequest request{.method = std::move(method), .target = std::move(path), .body = std::move(body)};
  if (!credential_.empty())
    request.headers.emplace_back("Authorization", "Basic " + crypto::to_base64(as_bytes(credential_)));
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT")
    request.headers.emplace_back("Content-Type", std::move(content_type));
  HttpResponse response = TRY(exchange_verified(platform_.url, request, platform_.authority_der, kTimeout));
  switch (response.status) {
    case 200:
    case 202:
    case 204:
      return response;
    case 502: {
      // OpenWhisk: 502 with a `code` is the platform's failure, without one the function's.
      const auto parsed = parse_json(response.body);
      if (!parsed || !parsed->is_object() || !parsed->get_object().contains("code")) return response;
      break;
    }
    default:
      break;
  }
  return refused(response, request.method + " " + request.target.substr(0, request.target.find('?')));
}

Result<json::value> Client::call_json(std::string method, std::string path, const json::value& body) const {
  const HttpResponse response =
      TRY(call(std::move(method), std::move(path), to_bytes(json::serialize(body))));
  return parse_json(response.body);
}

Result<json::value> Client::get_json(std::string path) const {
  const HttpResponse response = TRY(call("GET", std::move(path)));
  return parse_json(response.body);
}

Result<json::value> parse_json(ByteView body) {
  if (body.empty()) return json::value(json::object{});
  boost::system::error_code error;
  json::value value = json::parse(as_text(body), error);
  if (error) return Error{ErrorCode::kCorrupt, "cli.json", "not JSON: " + error.message()};
  return value;
}

Result<std::string> resource(std::string_view collection, std::string_view name) {
  std::string space = "_";
  if (name.starts_with('/')) {
    const auto end = name.find('/', 1);
    if (end == std::string_view::npos || end == 1) {
      return failure(ErrorCode::kInvalid, "cli.name", "'" + std::string(name) + "' is not a name",
                     "write NAME, PACKAGE/NAME or /NAMESPACE/[PACKAGE/]NAME");
    }
    space = percent_encode(name.substr(1, end - 1));
    name.remove_prefix(end + 1);
  }
  std::string path = "/api/v1/namespaces/" + space + "/" + std::string(collection);
  while (!name.empty()) {
    const auto end = name.find('/');
    path += "/" + percent_encode(name.substr(0, end));
    name.remove_prefix(end == std::string_view::npos ? name.size() : end + 1);
  }
  return path;
}

std::string full_name(std::string_view name) {
  return name.starts_with('/') ? std::string(name) : "/_/" + std::string(name);
}

}  // namespace clemmys::cli
