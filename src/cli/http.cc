#include "cli/http.h"

#include <openssl/x509v3.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <memory>
#include <optional>

#include "base/check.h"
#include "cli/outcome.h"

namespace clemmys::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using Tcp = asio::ip::tcp;

constexpr std::uint64_t kAnswerSizeMax = 96u << 20;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

bool is_address(const std::string& host) {
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

// trust_only makes the context accept `authority` and nothing else, for the name or address `host`.
Status trust_only(SSL_CTX* context, ByteView authority_der, const std::string& host) {
  const unsigned char* cursor = authority_der.data();
  const Certificate authority(d2i_X509(nullptr, &cursor, static_cast<long>(authority_der.size())));
  if (!authority || cursor != authority_der.data() + authority_der.size()) {
    return failure(ErrorCode::kCorrupt, "cli.trust.authority",
                   "the kept certificate authority is not a certificate", "run clemmys trust add again");
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(context);
  const int named = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                                     : X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
  if (X509_STORE_add_cert(store, authority.get()) != 1 || named != 1)
    return Error{ErrorCode::kInternal, "cli.http.store"};
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

asio::awaitable<HttpResponse> talk(const Url& url, const HttpRequest& request, ssl::context& context,
                                   std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  beast::ssl_stream<beast::tcp_stream> stream(executor, context);
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(timeout);
  if (!is_address(url.host)) SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  Tcp::resolver resolver(executor);
  co_await lowest.async_connect(co_await resolver.async_resolve(url.host, url.port, asio::use_awaitable),
                                asio::use_awaitable);
  // A request is several small writes: held back, each would wait for a delayed acknowledgement (40 ms).
  lowest.socket().set_option(Tcp::no_delay(true));
  co_await stream.async_handshake(ssl::stream_base::client, asio::use_awaitable);

  http::request<http::vector_body<std::uint8_t>> out;
  out.version(11);
  out.method_string(request.method);
  out.target(request.target);
  out.set(http::field::host, url.host + ":" + url.port);
  out.set(http::field::user_agent, "clemmys");
  out.set(http::field::connection, "close");
  for (const auto& [name, value] : request.headers) out.set(name, value);
  out.body() = request.body;
  out.prepare_payload();
  co_await http::async_write(stream, out, asio::use_awaitable);

  beast::flat_buffer buffer;
  http::response_parser<http::vector_body<std::uint8_t>> parser;
  parser.body_limit(kAnswerSizeMax);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  HttpResponse response{.status = parser.get().result_int(), .body = std::move(parser.get().body())};
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (char& letter : name)
      letter = static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
    response.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  co_return response;
}

Error explain(const Url& url, const boost::system::system_error& thrown) {
  const auto& code = thrown.code();
  if (code == beast::error::timeout) {
    return failure(ErrorCode::kDeadline, "cli.http.timeout", url.text() + " did not answer in time",
                   "retry; see clemmys activations");
  }
  if (code.category() == asio::error::get_ssl_category()) {
    return failure(ErrorCode::kDenied, "cli.trust.certificate",
                   url.text() + " did not prove that it is the platform you trust: " + code.message(),
                   "if the platform was set up anew, verify it: clemmys trust add " + url.text());
  }
  return failure(ErrorCode::kUnavailable, "cli.http.connection",
                 "no connection with " + url.text() + ": " + code.message(),
                 "check the address, and that the platform runs (clemmys up)");
}

Result<HttpResponse> run(const Url& url, const HttpRequest& request, ssl::context& context,
                         std::chrono::milliseconds timeout) {
  try {
    asio::io_context loop(1);
    std::optional<HttpResponse> answer;
    std::exception_ptr thrown;
    asio::co_spawn(loop, talk(url, request, context, timeout),
                   [&](std::exception_ptr error, HttpResponse response) {
                     thrown = error;
                     if (!error) answer = std::move(response);
                   });
    loop.run();
    if (thrown) std::rethrow_exception(thrown);
    CHECK(answer.has_value());
    return *std::move(answer);
  } catch (const boost::system::system_error& error) {
    return explain(url, error);
  }
}

Result<ssl::context> make_context() {
  ssl::context context(ssl::context::tls_client);
  if (SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_3_VERSION) != 1)
    return Error{ErrorCode::kInternal, "cli.http.tls"};
  return context;
}

}  // namespace

std::string_view HttpResponse::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Result<HttpResponse> exchange_verified(const Url& url, const HttpRequest& request, ByteView authority_der,
                                       std::chrono::milliseconds timeout) {
  ssl::context context = TRY(make_context());
  TRY(trust_only(context.native_handle(), authority_der, url.host));
  return run(url, request, context, timeout);
}

Result<HttpResponse> exchange_unverified(const Url& url, const HttpRequest& request,
                                         std::chrono::milliseconds timeout) {
  for (const auto& [name, value] : request.headers) CHECK(!beast::iequals(name, "authorization"));
  ssl::context context = TRY(make_context());
  context.set_verify_mode(ssl::verify_none);
  return run(url, request, context, timeout);
}

}  // namespace clemmys::cli
