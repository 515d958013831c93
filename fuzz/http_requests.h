// http_requests.h: for gateway_http_fuzz: requests of which the right answer is known, from a few bytes each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http_connection.h"

namespace clemmys::fuzz {

// Stage is where a request is decided.
enum class Stage : std::uint8_t { kParsing, kHead, kHandler };

struct RequestKind {
  std::string_view line;
  int status = 0;
  Stage stage = Stage::kHandler;
  std::string_view headers = "";  // %A: the user's credentials
  bool echoes = false, has_body = true;
};

inline constexpr std::string_view
    kInvoke = "POST /api/v1/namespaces/_/actions/hello?blocking=true&result=true HTTP/1.1",
    kUser = "Authorization: %A\r\n";
inline constexpr RequestKind kKinds[] = {
    {kInvoke, 200, Stage::kHandler, kUser, true},
    {kInvoke, 200, Stage::kHandler, "Authorization: %A\r\nContent-Type: application/json; charset=utf-8\r\n",
     true},
    {kInvoke, 200, Stage::kHandler, "Authorization: %A\r\nExpect: 100-continue\r\n", true},
    {kInvoke, 200, Stage::kHandler, "Authorization: %A\r\nConnection: close\r\n", true},
    {"POST /api/v1/namespaces/guest/actions/hello HTTP/1.1", 202, Stage::kHandler, kUser},
    {"GET /api/v1/namespaces HTTP/1.1", 200, Stage::kHandler, kUser, false, false},
    {"POST /api/v1/namespaces/_/actions/none HTTP/1.1", 404, Stage::kHandler, kUser},
    {kInvoke, 415, Stage::kHandler, "Authorization: %A\r\nContent-Type: text/plain\r\n"},
    {kInvoke, 401, Stage::kHead},
    {kInvoke, 401, Stage::kHead, "Authorization: Basic Zm9vOmJhcg==\r\n"},
    {"POST /api/v1/namespaces/other/actions/hello HTTP/1.1", 403, Stage::kHead, kUser},
    {"DELETE /api/v1/namespaces/_/actions HTTP/1.1", 405, Stage::kHead, kUser},
    {"BREW /api/v1 HTTP/1.1", 405, Stage::kHead, "", false, false},
    {"OPTIONS /api/v1/namespaces/_/actions/hello HTTP/1.1", 200, Stage::kHead},
    {"POST /api/v1/namespaces/_/triggers HTTP/1.1", 501, Stage::kHead, kUser},
    {"GET /elsewhere HTTP/1.1", 404, Stage::kHead},
    {"GET /%zz HTTP/1.1", 400, Stage::kHead},
    {"HEAD /api/v1 HTTP/1.1", 405, Stage::kHead, "", false, false},
    {"GET /api/v1\r\n", 400, Stage::kParsing},
    {"GET /api/v1 HTTP/1.1", 400, Stage::kParsing, "Content-Length: 1\r\nContent-Length: 2\r\n"},
    {kInvoke, 400, Stage::kParsing, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"},
    {kInvoke, 400, Stage::kParsing, "Content-Length: -1\r\n"},
    {"\x16\x03\x01", 400, Stage::kParsing},
};

struct Expected {
  HttpAnswer answer;
  std::optional<std::string> echo;  // what the function got
};

struct Made {
  std::string bytes;
  Expected expected;
};

inline std::string chunked(std::string_view body, std::size_t size, bool trailer) {
  std::string out;
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    char line[24];
    std::snprintf(line, sizeof line, trailer ? "%zX;a=b\r\n" : "%zx\r\n", std::min(size, body.size()));
    out += line + std::string(body.substr(0, size)) + "\r\n";
  }
  return out + (trailer ? "0\r\nX-Later: 1\r\n\r\n" : "0\r\n\r\n");
}

// make_request: `kind` chooses, `form` says how long the head is and how the body comes, `size` how long that
// is.
inline Made make_request(std::uint8_t kind_byte, std::uint8_t form, std::uint8_t size, std::size_t number) {
  const RequestKind& kind = kKinds[kind_byte % std::size(kKinds)];
  const std::string id = "r" + std::to_string(number);
  std::string head = std::string(kind.line) + "\r\nX-Request-ID: " + id + "\r\n" + std::string(kind.headers);
  if (const std::size_t at = head.find("%A"); at != head.npos)
    head.replace(at, 2, gateway::testing::TestWorld::authorization());
  Expected expected{.answer = {.status = kind.status, .transaction = id}, .echo = std::nullopt};
  HttpAnswer& answer = expected.answer;
  answer.closes = kind.headers.find("Connection: close") != kind.headers.npos;
  answer.without_body = kind.line.starts_with("HEAD") || kind.line.starts_with("OPTIONS");
  const auto refused_in_parsing = [&](int status) {
    answer.status = status;
    answer.transaction.clear();
    answer.closes = true;
  };
  if (kind.stage == Stage::kParsing) {
    refused_in_parsing(kind.status);
    return {head + "\r\n", expected};
  }
  if ((form & 0x1f) == 7) {
    refused_in_parsing(431);
    return {head + "X-Long: " + std::string(HttpConnection::kHeaderMax, 'x') + "\r\n\r\n", expected};
  }
  if (!kind.has_body) return {head + "\r\n", expected};

  std::string body = size == 0 ? "" : R"({"a":")" + std::string(size * 4u, 'y') + R"("})";
  const bool chunks = (form & 1) != 0, at_head = kind.stage == Stage::kHead;
  const bool too_large = body.size() > HttpConnection::kLimits.payload_size_max && !at_head;
  if (too_large) answer.status = 413;
  if (chunks) {
    answer.closes = answer.closes || at_head || too_large;
    head += "Transfer-Encoding: chunked\r\n\r\n";
  } else {
    head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  }
  if (kind.echoes && answer.status == 200) expected.echo = body.empty() ? "{}" : body;
  return {head + (chunks ? chunked(body, 1u + form / 2, (form & 0x40) != 0) : body), expected};
}

}  // namespace clemmys::fuzz
