// https_test.cc: whom the command line talks to: a real TLS server on loopback, with certificates made here.
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "cli/http.h"
#include "cli/outcome.h"

namespace clemmys::cli {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using std::chrono::seconds;

// Certificate is a key and a self-signed certificate for `name`: its own authority.
struct Certificate {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();

  explicit Certificate(const char* name) {
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME* subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"),
                               -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name);
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  Bytes der() const {
    unsigned char* text = nullptr;
    const int size = i2d_X509(x509, &text);
    Bytes bytes(text, text + size);
    OPENSSL_free(text);
    return bytes;
  }
};

// Server answers one request, then ends. It counts the requests that it could read.
class Server {
 public:
  explicit Server(const Certificate& certificate, int version_max = TLS1_3_VERSION)
      : context_(asio::ssl::context::tls_server) {
    SSL_CTX_use_certificate(context_.native_handle(), certificate.x509);
    SSL_CTX_use_PrivateKey(context_.native_handle(), certificate.key);
    SSL_CTX_set_max_proto_version(context_.native_handle(), version_max);
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() { thread_.join(); }
  Url url(std::string host = "127.0.0.1") const {
    return {std::move(host), std::to_string(acceptor_.local_endpoint().port())};
  }
  int requests() const { return requests_; }

 private:
  void serve() {
    asio::ssl::stream<Tcp::socket> stream(acceptor_.accept(), context_);
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    if (error) return;
    boost::beast::flat_buffer buffer;
    boost::beast::http::request<boost::beast::http::string_body> request;
    boost::beast::http::read(stream, buffer, request, error);
    if (error) return;
    ++requests_;
    boost::beast::http::response<boost::beast::http::string_body> response(boost::beast::http::status::ok,
                                                                           11);
    response.set("X-Test", "Yes");
    response.body() = "hello";
    response.prepare_payload();
    boost::beast::http::write(stream, response, error);
    stream.shutdown(error);
  }

  asio::io_context io_;
  asio::ssl::context context_;
  Tcp::acceptor acceptor_{io_, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

TEST(CliHttps, TalksToTheAuthoritysServerByNameAndAddress) {
  const Certificate certificate("DNS:localhost,IP:127.0.0.1");
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const Server server(certificate);
    const auto response = exchange_verified(server.url(host), {}, certificate.der(), seconds(10));
    ASSERT_TRUE(response) << to_string(response.error());
    EXPECT_EQ(response->status, 200U);
    EXPECT_EQ(response->header("x-test"), "Yes");
    EXPECT_EQ(as_text(response->body), "hello");
  }
}

TEST(CliHttps, SendsNothingToAServerOfAnotherAuthority) {
  const Certificate certificate("IP:127.0.0.1"), other("IP:127.0.0.1");
  const Server server(certificate);
  const auto response = exchange_verified(server.url(), {}, other.der(), seconds(10));
  ASSERT_FALSE(response);
  EXPECT_EQ(exit_code(response.error()), ExitCode::kNotTrusted);
  EXPECT_EQ(server.requests(), 0);
}

TEST(CliHttps, RefusesACertificateForAnotherName) {
  const Certificate certificate("DNS:elsewhere.example");
  const Server server(certificate);
  const auto response = exchange_verified(server.url(), {}, certificate.der(), seconds(10));
  ASSERT_FALSE(response);
  EXPECT_EQ(exit_code(response.error()), ExitCode::kNotTrusted);
}

TEST(CliHttps, RefusesTls12) {
  const Certificate certificate("IP:127.0.0.1");
  const Server server(certificate, TLS1_2_VERSION);
  EXPECT_FALSE(exchange_verified(server.url(), {}, certificate.der(), seconds(10)));
}

TEST(CliHttps, RefusesAnAuthorityThatIsNoCertificate) {
  EXPECT_EQ(exchange_verified({"127.0.0.1", "1"}, {}, Bytes{1, 2, 3}, seconds(1)).error().site,
            "cli.trust.authority");
}

TEST(CliHttps, SaysWhenNobodyListens) {
  const Certificate certificate("IP:127.0.0.1");
  EXPECT_EQ(exchange_verified({"127.0.0.1", "1"}, {}, certificate.der(), seconds(5)).error().code,
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace clemmys::cli
