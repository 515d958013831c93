// http_types.h: requests and responses as the API sees them, without the HTTP library. Views point into the
// connection's buffers and live until the response is given.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clemmys::gateway {

enum class Method : std::uint8_t { kGet, kPut, kPost, kDelete, kHead, kOptions, kOther };

struct HttpRequest {
  Method method = Method::kOther;
  std::string_view target;         // path and query, as sent
  std::string_view authorization;  // header value, or empty
  std::string_view content_type;
  std::string_view body;
  std::uint64_t received_unix_ms = 0;
  std::string transaction;  // X-Request-ID as given, or ours
};

enum class BodyType : std::uint8_t { kNone, kJson, kOctets, kText };

struct HttpResponse {
  int status = 200;
  BodyType type = BodyType::kJson;
  std::string body;
  std::string activation;      // x-openwhisk-activation-id, when not empty
  bool challenge = false;      // adds WWW-Authenticate
  unsigned retry_after_s = 0;  // adds Retry-After, when not 0
};

}  // namespace clemmys::gateway
