// http_exchange.h: one request of a connection and its answer: the head is looked at before a body is taken
// in, whoever is refused is told so, and each request has exactly one answer, in order. Trust: trusted. One
// thread. Inner header of gateway/: .cc files only.
#pragma once

#include <boost/system/error_code.hpp>

#include "gateway/api.h"
#include "gateway/http_request.h"

namespace clemmys::gateway {

// HttpTransport is a client's connection: where bytes come from and go to, and how long that may take. Its
// fake is in fuzz/gateway_http_fuzz.cc.
class HttpTransport {
 public:
  // Phase is what a connection is in, for its time limits.
  enum class Phase : std::uint8_t { kBetweenRequests, kHead, kTransfer, kHandler };

  // read_more adds what the client sends next to the reader; an error when nothing will come any more.
  virtual Task<boost::system::error_code> read_more(RequestReader& reader) = 0;
  virtual Task<bool> write(std::string_view bytes) = 0;
  // enter says what begins, and, for a transfer, how many bytes it may have.
  virtual void enter(Phase phase, std::size_t size = 0) = 0;
  // may_serve_more is whether the connection may go on after this request.
  virtual bool may_serve_more() const = 0;

 protected:
  ~HttpTransport() = default;
};

enum class NextStep : std::uint8_t {
  kKeepAlive,
  kClose,
  kLinger  // bytes that we did not take are on their way
};

class HttpExchange {
 public:
  // All referenced objects must outlive the exchange.
  HttpExchange(const RequestReader::Limits& limits, Api& api, const TimeSource& time, Metrics& metrics,
               HttpTransport& transport)
      : api_(api), time_(time), metrics_(metrics), transport_(transport), reader_(limits) {}

  // serve_request takes one request and answers it.
  Task<NextStep> serve_request();

 private:
  Task<RequestReader::Parsed> read_head();
  Task<RequestReader::Parsed> read_body();
  Task<NextStep> refuse(int status, const HttpRequest& request);
  // answer: false: the client is gone.
  Task<bool> answer(const HttpResponse& response, std::string_view transaction, bool keep_alive);

  Api& api_;
  const TimeSource& time_;
  Metrics& metrics_;
  HttpTransport& transport_;
  RequestReader reader_;
  std::string out_;
};

}  // namespace clemmys::gateway
