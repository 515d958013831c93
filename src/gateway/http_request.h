// http_request.h: bytes of a connection become requests; parsing is Beast's, the limits are ours. Pure: no
// socket, no clock, no thread of its own, so that fuzz/gateway_http_fuzz gives it bytes as a client does, cut
// in any way. Trust: trusted; every byte comes from anybody. Invariants: no more than kBufferMax bytes wait
// here beside the body; a body is no longer than the limit that stands when its bytes come. Inner header of
// gateway/: .cc files only.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <optional>

#include "gateway/http_types.h"

namespace clemmys::gateway {

class RequestReader {
 public:
  static constexpr std::size_t kBufferMax = 64u << 10;

  struct Limits {
    std::size_t header_size_max = 16u << 10;
    std::size_t body_size_max = 0;  // of any request; limit_body lowers it for one
  };
  explicit RequestReader(const Limits& limits);

  // next forgets this request and begins another, of which bytes may have come already.
  void next();

  // room is where bytes that come may be written; empty: too many wait already. add says how many were.
  boost::asio::mutable_buffer room();
  void add(std::size_t size) { buffer_.commit(size); }
  bool has_bytes() const { return buffer_.size() > 0; }
  // is_begun is whether a byte of this request has come.
  bool is_begun() const { return has_bytes() || parser_->got_some(); }
  // shrink gives memory back while nothing waits.
  void shrink();

  // Parsed is how far a request has come. status: what refuses it, when it is kRefused.
  enum class Progress : std::uint8_t { kMore, kDone, kRefused };
  struct Parsed {
    Progress progress = Progress::kMore;
    int status = 0;
  };
  Parsed parse_head();
  Parsed parse_body();  // after the head
  void limit_body(std::size_t size_max) { parser_->body_limit(size_max); }

  // Of the head, once it is done. request has views into this object, which live until next(); neither body,
  // time nor transaction are in it. given_transaction is what the client called its request.
  HttpRequest request() const;
  std::string_view given_transaction() const;
  std::optional<std::uint64_t> body_size() const;  // as the head says; nothing for chunks
  bool expects_continue() const;
  bool keep_alive() const { return parser_->get().keep_alive(); }
  // is_complete is whether head and body are there; body is valid then.
  bool is_complete() const { return parser_->is_done(); }
  std::string_view body() const { return parser_->get().body(); }
  // is_head is whether the method is HEAD, as far as it was read.
  bool is_head() const { return parser_->get().method() == boost::beast::http::verb::head; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  // parse lets the parser take what is there, until `done` says that it is enough.
  Parsed parse(bool (Parser::*done)() const);

  const Limits limits_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
};

}  // namespace clemmys::gateway
