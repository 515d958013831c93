#include "gateway/http_response.h"

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace clemmys::gateway {
namespace http = boost::beast::http;
namespace {

constexpr std::size_t kTransactionSizeMax = 64;

boost::beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

boost::beast::string_view content_type(BodyType type) {
  switch (type) {
    case BodyType::kJson:
      return "application/json";
    case BodyType::kOctets:
      return "application/octet-stream";
    case BodyType::kText:
      return "text/plain; version=0.0.4; charset=utf-8";
    case BodyType::kNone:
      break;
  }
  return {};
}

}  // namespace

void append_response(std::string& out, const HttpResponse& response, std::string_view transaction,
                     bool keep_alive, bool head_only) {
  http::response<http::empty_body> message;
  message.version(11);
  message.result(static_cast<unsigned>(response.status));
  if (response.type != BodyType::kNone) message.set(http::field::content_type, content_type(response.type));
  if (response.challenge)
    message.set(http::field::www_authenticate, "Basic realm=\"OpenWhisk secure realm\"");
  if (response.retry_after_s != 0)
    message.set(http::field::retry_after, std::to_string(response.retry_after_s));
  message.set(http::field::access_control_allow_origin, "*");
  message.set(http::field::access_control_allow_methods, "GET, DELETE, POST, PUT, HEAD");
  message.set(http::field::access_control_allow_headers,
              "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent");
  message.set("X-Request-ID", view(transaction));
  if (!response.activation.empty()) message.set("x-openwhisk-activation-id", view(response.activation));
  message.content_length(response.body.size());
  message.keep_alive(keep_alive);
  out.reserve(out.size() + 640 + response.body.size());
  http::response_serializer<http::empty_body> serializer(message);
  boost::system::error_code error;
  while (!error && !serializer.is_done()) {
    serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
      std::size_t size = 0;
      for (const auto buffer : boost::beast::buffers_range(buffers)) {
        out.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      serializer.consume(size);
    });
  }
  if (!head_only) out.append(response.body);
}

std::string choose_transaction(std::string_view given) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  if (!given.empty() && given.size() <= kTransactionSizeMax && std::ranges::all_of(given, plain))
    return std::string(given);
  std::array<std::uint8_t, 16> id;
  crypto::random_bytes(id);
  return to_hex(id);
}

}  // namespace clemmys::gateway
