#include "gateway/errors.h"

#include <boost/json/serialize.hpp>

namespace clemmys::gateway {

HttpResponse error_response(int status, std::string_view message, const HttpRequest& request) {
  HttpResponse response;
  response.status = status;
  response.challenge = status == 401;
  response.body = R"({"error":)" +
                  boost::json::serialize(boost::json::string_view(message.data(), message.size())) +
                  R"(,"code":)" + boost::json::serialize(boost::json::string_view(request.transaction)) + "}";
  return response;
}

HttpResponse busy_response(int status, std::string_view message, unsigned retry_after_s,
                           const HttpRequest& request) {
  HttpResponse response = error_response(status, message, request);
  response.retry_after_s = retry_after_s;
  return response;
}

HttpResponse malformed(std::string_view why, const HttpRequest& request) {
  return error_response(400, "The request content was malformed:\n" + std::string(why), request);
}

HttpResponse error_response(const Error& error, const HttpRequest& request) {
  switch (error.code) {
    case ErrorCode::kInvalid:
      return error_response(400, "The request was refused.", request);
    case ErrorCode::kUnauthenticated:
      return error_response(401, text::kBadCredentials, request);
    case ErrorCode::kDenied:
      return error_response(403, text::kNotAuthorized, request);
    case ErrorCode::kNotFound:
      return error_response(404, text::kNotFound, request);
    case ErrorCode::kExists:
      return error_response(409, text::kExists, request);
    case ErrorCode::kConflict:
      return error_response(409, text::kConflict, request);
    case ErrorCode::kTooLarge:
      return error_response(413, "The request is over a limit.", request);
    case ErrorCode::kExhausted:
      return error_response(429, "A limit of the platform is reached. Try again later.", request);
    case ErrorCode::kUnavailable:
      return error_response(503, text::kUnavailable, request);
    case ErrorCode::kDeadline:
      return error_response(503, text::kUnavailable, request);
    case ErrorCode::kUnsupported:
      return error_response(501, "This deployment does not support it.", request);
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      break;
  }
  return error_response(500, "There was an internal server error.", request);
}

}  // namespace clemmys::gateway
