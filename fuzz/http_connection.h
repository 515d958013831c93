// http_connection.h: for gateway_http_fuzz: a client's connection without a network. The bytes that it sends
// come in pieces of any size; each thing that it is sent is taken apart again.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <vector>

#include "fuzz.h"
#include "gateway/http_exchange.h"
#include "gateway_world.h"

namespace clemmys::fuzz {

struct HttpAnswer {
  int status = 0;
  std::string transaction, body;
  bool closes = false, without_body = false;
  bool operator==(const HttpAnswer& other) const = default;
};

// parse_answer: one whole answer, as HTTP says, and nothing after it.
inline HttpAnswer parse_answer(std::string_view bytes) {
  namespace http = boost::beast::http;
  http::response_parser<http::string_body> parser;
  parser.skip(true);
  parser.eager(true);
  boost::system::error_code error;
  const std::size_t head = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  CHECK(!error && parser.is_header_done());
  const auto& message = parser.get();
  const std::string_view body = bytes.substr(head);
  const auto field = [&](auto name) {
    const auto value = message[name];
    return std::string(value.data(), value.size());
  };
  CHECK(message.version() == 11 && field(http::field::content_length) != "");
  CHECK(!field("X-Request-ID").empty());
  HttpAnswer answer{static_cast<int>(message.result_int()), field("X-Request-ID"), std::string(body),
                    !message.keep_alive(), body.empty()};
  if (body.empty()) return answer;
  CHECK(std::to_string(body.size()) == field(http::field::content_length));
  check_response(answer.status, field(http::field::content_type) == "application/json", body);
  return answer;
}

// Cuts says how bytes come: all at once, one by one, or in pieces; and after how many answers the client goes
// away.
struct Cuts {
  std::uint32_t state = 0;
  std::size_t answers_max = ~std::size_t{0};

  static Cuts of(std::uint8_t choice) {
    const std::size_t answers_max = choice >= 0xf0 ? choice & 3u : ~std::size_t{0};
    return {choice, answers_max};
  }
  std::size_t next() {
    if (state <= 1) return state == 0 ? ~std::size_t{0} : 1;
    state = state * 1664525 + 1013904223;
    return 1 + (state >> 24) % (state % 3 == 0 ? 256 : 8);
  }
};

class HttpConnection final : private gateway::HttpTransport {
 public:
  static constexpr gateway::ApiLimits kLimits{.payload_size_max = 512, .code_size_max = 4096};
  static constexpr std::size_t kHeaderMax = 1024, kBodyMax = 2u << 20;

  HttpConnection(ByteView bytes, Cuts cuts) : bytes_(bytes), cuts_(cuts) {
    world_.on_step = [this](const wire::Payload& payload) { payloads.push_back(payload.body); };
  }
  // serve is what Connection::serve does after the handshake.
  void serve() {
    bool ended = false;
    gateway::spawn([](HttpConnection& self, bool& end) -> gateway::Task<void> {
      gateway::HttpExchange exchange({.header_size_max = kHeaderMax, .body_size_max = kBodyMax},
                                     *self.world_.api, self.world_.time, self.world_.metrics, self);
      auto next = gateway::NextStep::kKeepAlive;
      while (next == gateway::NextStep::kKeepAlive) {
        CHECK(!self.gone_ && (self.answers.empty() || !self.answers.back().closes));
        const std::size_t before = self.answers.size();
        next = co_await exchange.serve_request();
        const std::size_t given = self.answers.size() - before;
        CHECK(given == (next == gateway::NextStep::kClose ? 0 : 1));
        if (given == 1) CHECK(self.answers.back().closes == (next == gateway::NextStep::kLinger));
      }
      end = true;
    }(*this, ended));
    CHECK(ended);
  }

  std::vector<HttpAnswer> answers;
  std::vector<Bytes> payloads;  // of each step that ran
  std::size_t continues = 0;    // interim answers

 private:
  gateway::Task<boost::system::error_code> read_more(gateway::RequestReader& reader) override {
    if (at_ == bytes_.size()) co_return boost::asio::error::eof;
    const auto room = reader.room();
    CHECK(room.size() > 0 && room.size() <= gateway::RequestReader::kBufferMax);
    const std::size_t size = std::min({room.size(), bytes_.size() - at_, cuts_.next()});
    std::memcpy(room.data(), bytes_.data() + at_, size);
    reader.add(size);
    at_ += size;
    co_return boost::system::error_code();
  }
  gateway::Task<bool> write(std::string_view bytes) override {
    CHECK(!gone_);
    gone_ = answers.size() >= cuts_.answers_max;
    if (gone_) co_return false;
    if (bytes == "HTTP/1.1 100 Continue\r\n\r\n") {
      ++continues;
    } else {
      answers.push_back(parse_answer(bytes));
    }
    co_return true;
  }
  void enter(Phase, std::size_t) override {}
  bool may_serve_more() const override { return true; }

  GatewayWorld world_{kLimits};
  const ByteView bytes_;
  Cuts cuts_;
  std::size_t at_ = 0;
  bool gone_ = false;
};

}  // namespace clemmys::fuzz
