#include "gateway/http_exchange.h"

#include "gateway/http_response.h"

namespace clemmys::gateway {
using boost::system::error_code;
using Phase = HttpTransport::Phase;
using Parsed = RequestReader::Parsed;
using Progress = RequestReader::Progress;
namespace {

constexpr std::size_t kDrainMax = 64u << 10;  // a refused request's body that is read, to keep the connection
constexpr std::size_t kKeptMax = 64u << 10;   // of an answer's memory, for the next one

std::string_view refusal_text(int status) {
  switch (status) {
    case 413:
      return "The request is over the limit.";
    case 431:
      return "The request's head is over the limit.";
    default:
      return "The request is not valid HTTP.";
  }
}

}  // namespace

Task<Parsed> HttpExchange::read_head() {
  transport_.enter(reader_.has_bytes() ? Phase::kHead : Phase::kBetweenRequests);
  for (;;) {
    const Parsed parsed = reader_.parse_head();
    if (parsed.progress != Progress::kMore) co_return parsed;
    const bool first = !reader_.has_bytes();
    if (co_await transport_.read_more(reader_)) co_return Parsed{};
    if (first) transport_.enter(Phase::kHead);
  }
}

Task<Parsed> HttpExchange::read_body() {
  for (;;) {
    const Parsed parsed = reader_.parse_body();
    if (parsed.progress != Progress::kMore) co_return parsed;
    if (co_await transport_.read_more(reader_)) co_return Parsed{};
  }
}

Task<NextStep> HttpExchange::refuse(int status, const HttpRequest& request) {
  const bool sent =
      co_await answer(error_response(status, refusal_text(status), request), request.transaction, false);
  co_return sent ? NextStep::kLinger : NextStep::kClose;
}

Task<NextStep> HttpExchange::serve_request() {
  reader_.next();
  Parsed parsed = co_await read_head();
  if (parsed.progress == Progress::kMore) co_return NextStep::kClose;  // there is nobody to answer
  HttpRequest request;
  if (parsed.progress == Progress::kRefused) {
    request.transaction = choose_transaction({});
    co_return co_await refuse(parsed.status, request);
  }
  request = reader_.request();
  request.received_unix_ms = time_.unix_ms();
  request.transaction = choose_transaction(reader_.given_transaction());
  auto admitted = api_.admit(request);
  auto* refusal = std::get_if<HttpResponse>(&admitted);
  const std::size_t body_max = refusal ? kDrainMax : std::get<Admitted>(admitted).body_size_max;
  const auto size = reader_.body_size();
  HttpResponse too_large;
  if (size && *size > body_max && !refusal) {
    too_large = error_response(
        413, "The request is over the limit of " + std::to_string(body_max) + " bytes.", request);
    refusal = &too_large;
  }
  if (refusal && !(reader_.is_complete() || (size && *size <= kDrainMax))) {
    const bool sent = co_await answer(*refusal, request.transaction, false);
    co_return sent ? NextStep::kLinger : NextStep::kClose;
  }
  if (!reader_.is_complete()) {
    if (!size) reader_.limit_body(body_max);  // chunked
    transport_.enter(Phase::kTransfer, size.value_or(body_max));
    if (!refusal && reader_.expects_continue() && !reader_.has_bytes()) {
      if (!co_await transport_.write("HTTP/1.1 100 Continue\r\n\r\n")) co_return NextStep::kClose;
    }
    parsed = co_await read_body();
    if (parsed.progress == Progress::kMore) co_return NextStep::kClose;
    if (parsed.progress == Progress::kRefused) co_return co_await refuse(parsed.status, request);
  }
  transport_.enter(Phase::kHandler);
  request.body = reader_.body();
  const HttpResponse response =
      refusal ? std::move(*refusal) : co_await api_.handle(std::get<Admitted>(admitted), request);
  const bool keep_alive = reader_.keep_alive() && transport_.may_serve_more();
  if (!co_await answer(response, request.transaction, keep_alive)) co_return NextStep::kClose;
  co_return keep_alive ? NextStep::kKeepAlive : NextStep::kLinger;
}

Task<bool> HttpExchange::answer(const HttpResponse& response, std::string_view transaction, bool keep_alive) {
  metrics_.responses[static_cast<std::size_t>(response.status / 100)].add();
  out_.clear();
  append_response(out_, response, transaction, keep_alive, reader_.is_head());
  transport_.enter(Phase::kTransfer, out_.size());
  const bool sent = co_await transport_.write(out_);
  if (out_.capacity() > kKeptMax) std::string().swap(out_);
  co_return sent;
}

}  // namespace clemmys::gateway
