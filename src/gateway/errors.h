// errors.h: OpenWhisk's error shape, `{"error": text, "code": transaction id}`, and its stable texts, which
// clients show.
#pragma once

#include "base/result.h"
#include "gateway/http_types.h"

namespace clemmys::gateway {

namespace text {
inline constexpr std::string_view kNotFound = "The requested resource does not exist.";
// With Retry-After, which tells it from what never was.
inline constexpr std::string_view kUnfinished =
    "The activation may still be running. Its record, result and logs exist when it has ended.";
inline constexpr std::string_view kNotAuthorized =
    "The supplied authentication is not authorized to access this resource.";
inline constexpr std::string_view kBadCredentials = "The supplied authentication is invalid.";
inline constexpr std::string_view kNoCredentials =
    "The resource requires authentication, which was not supplied with the request.";
inline constexpr std::string_view kBadToken =
    "This is not the token of a namespace of this name that nobody claimed yet.";
inline constexpr std::string_view kExists = "resource already exists";
inline constexpr std::string_view kConflict = "Concurrent modification to resource detected.";
inline constexpr std::string_view kReserved =
    "Request defines parameters that are not allowed (e.g., reserved properties).";
inline constexpr std::string_view kIllegalName = "The name of the entity contains illegal characters.";
inline constexpr std::string_view kLongName = "The name of the entity exceeds maximum length (256).";
inline constexpr std::string_view kNotJsonObject =
    "The request content was malformed:\nExpected a JSON object.";
inline constexpr std::string_view kNoPackages =
    "Packages, triggers, rules and web actions are not supported by this deployment.";
inline constexpr std::string_view kUnavailable =
    "The platform is not available at the moment. Try again later.";
inline constexpr std::string_view kNoCapacity = "The platform has no capacity for this action at the moment.";
}  // namespace text

HttpResponse error_response(int status, std::string_view message, const HttpRequest& request);

// busy_response is 429 or 503, or 404 of what does not exist yet, with the time after which a client may try
// again.
HttpResponse busy_response(int status, std::string_view message, unsigned retry_after_s,
                           const HttpRequest& request);

// error_response of an Error from the KMS or controller: its code decides the status, its site never leaves.
HttpResponse error_response(const Error& error, const HttpRequest& request);

// malformed is 400 with OpenWhisk's usual prefix.
HttpResponse malformed(std::string_view why, const HttpRequest& request);

}  // namespace clemmys::gateway
