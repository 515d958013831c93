// http.h: one HTTPS exchange. The server is checked against exactly one certificate authority, ours; the
// machine's own authorities never count. Trust: the user's machine; every byte of an answer is the peer's
// claim.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace clemmys::cli {

// Url is where a platform is: https://host:port.
struct Url {
  std::string host, port = "443";
  std::string text() const { return "https://" + host + ":" + port; }
  bool operator==(const Url&) const = default;
};
// parse_url accepts https URLs without path, query, or user; kInvalid otherwise.
Result<Url> parse_url(std::string_view text);
// percent_encode makes text a path segment or query value (RFC 3986).
std::string percent_encode(std::string_view text);

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;
};

struct HttpResponse {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  Bytes body;
  // header gives the first value, or nothing.
  std::string_view header(std::string_view lower_case_name) const;
};

// exchange_verified talks only to a server whose certificate chains to `authority_der` and names url.host;
// kDenied at cli.trust.certificate otherwise. kUnavailable when nobody answers, kDeadline when it takes
// longer than `timeout`.
Result<HttpResponse> exchange_verified(const Url& url, const HttpRequest& request, ByteView authority_der,
                                       std::chrono::milliseconds timeout);

// exchange_unverified talks to whoever answers: only to fetch what is itself verified afterwards (evidence),
// never with a credential: a request that has an Authorization header is a bug of ours.
Result<HttpResponse> exchange_unverified(const Url& url, const HttpRequest& request,
                                         std::chrono::milliseconds timeout);

}  // namespace clemmys::cli
