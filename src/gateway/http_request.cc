#include "gateway/http_request.h"

#include <algorithm>
#include <boost/beast/http/error.hpp>

namespace clemmys::gateway {
namespace http = boost::beast::http;
using boost::system::error_code;
namespace {

constexpr std::size_t kHeaderReadSize = 4u << 10, kReadSize = 17u << 10;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::put:
      return Method::kPut;
    case http::verb::post:
      return Method::kPost;
    case http::verb::delete_:
      return Method::kDelete;
    case http::verb::head:
      return Method::kHead;
    case http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

int status_of(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

}  // namespace

RequestReader::RequestReader(const Limits& limits) : limits_(limits), buffer_(kBufferMax) { next(); }

void RequestReader::next() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits_.header_size_max));
  parser_->body_limit(limits_.body_size_max);
}

boost::asio::mutable_buffer RequestReader::room() {
  const std::size_t size = std::min(parser_->is_header_done() ? kReadSize : kHeaderReadSize,
                                    kBufferMax - std::min(kBufferMax, buffer_.size()));
  return buffer_.prepare(size);
}

void RequestReader::shrink() {
  if (buffer_.size() == 0 && buffer_.capacity() > kHeaderReadSize) buffer_.shrink_to_fit();
}

RequestReader::Parsed RequestReader::parse(bool (Parser::*done)() const) {
  while (!((*parser_).*done)()) {
    error_code error = http::error::need_more;
    if (buffer_.size() > 0) {
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (!error) continue;
    }
    if (error == http::error::need_more && buffer_.size() >= kBufferMax) error = http::error::buffer_overflow;
    if (error == http::error::need_more) return {};
    return {Progress::kRefused, status_of(error)};
  }
  return {Progress::kDone, 0};
}

RequestReader::Parsed RequestReader::parse_head() {
  parser_->eager(false);
  return parse(&Parser::is_header_done);
}

RequestReader::Parsed RequestReader::parse_body() {
  parser_->eager(true);
  return parse(&Parser::is_done);
}

HttpRequest RequestReader::request() const {
  const auto& message = parser_->get();
  HttpRequest request;
  request.method = method_of(message.method());
  request.target = view(message.target());
  request.authorization = view(message[http::field::authorization]);
  request.content_type = view(message[http::field::content_type]);
  return request;
}

std::string_view RequestReader::given_transaction() const { return view(parser_->get()["X-Request-ID"]); }

std::optional<std::uint64_t> RequestReader::body_size() const {
  const auto size = parser_->content_length();
  if (!size) return std::nullopt;
  return *size;
}

bool RequestReader::expects_continue() const {
  const auto& message = parser_->get();
  // A client of HTTP/1.0 does not know interim answers (RFC 9110, 10.1.1).
  return message.version() >= 11 && boost::beast::iequals(message[http::field::expect], "100-continue");
}

}  // namespace clemmys::gateway
