// The gateway over real TLS, with the real KMS (throw-away root) and a controller whose functions answer
// truly: and clients who do not behave.
#include "gateway/server.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <thread>

#include "crypto/base64.h"
#include "crypto/crypto.h"
#include "gateway/testing/fake_controller_server.h"
#include "gateway/testing/tls_client.h"
#include "kms/testing/test_kms.h"
#include "wire/frame.h"

namespace clemmys::gateway {
namespace {

using namespace testing;
namespace json = boost::json;

class Platform : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { self = new Parts; }
  static void TearDownTestSuite() { delete self; }

  struct Parts {
    kms::testing::ServedKms served;
    kms::testing::TemporaryFolder folder;
    SystemClock clock;
    TimeSource time{clock};
    View view;
    TlsContextSlot tls;
    Metrics metrics;
    std::unique_ptr<attest::Attester> attester =
        served.root().attester({.measurement = kms::testing::kGatewayImage, .signer = {}});
    KmsThread kms{{.socket_path = served.socket_path(), .poll_ms = 50}, *attester, view, tls, time, metrics};
    FakeControllerServer controller{folder.path() + "/c.sock", view, handle};
    std::unique_ptr<Server> server;
    std::string authorization;

    Parts() {
      const Status kms_started = kms.start();
      CHECK(kms_started);
      server = std::make_unique<Server>(config(), parts());
      const Status started = server->start();
      CHECK(started);
      claim();
    }
    ServerConfig config() const {
      ServerConfig config;
      config.controller_socket_path = folder.path() + "/c.sock";
      config.header_s = config.handshake_s = 2;
      config.idle_s = 3;
      config.transfer_s = 2;
      return config;
    }
    ServerParts parts() {
      return {.view = view,
              .tls = tls,
              .time = time,
              .metrics = metrics,
              .kms_link = [this](Poster post) { return kms.link(std::move(post)); },
              .measure_image = [](ByteView file) -> Result<Measurement> {
                return Measurement{crypto::sha256(file).bytes};
              }};
    }
    void claim() {
      const int socket = wire::connect_unix(served.socket_path()).value();
      const Bytes token =
          kms::testing::ask_socket(socket, wire::KmsFrame::kCreateNamespace, as_bytes("guest")).value();
      ::close(socket);
      TlsClient claimer(server->port(), served.ca_certificate_der());
      const ClientResponse claimed = claimer.ask("POST", "/clemmys/v1/namespaces/guest/claim", "",
                                                 R"({"token":")" + std::string(as_text(token)) + "\"}");
      CHECK(claimed.status == 200);
      const json::value user = json::parse(claimed.body);
      const std::string pair =
          std::string(user.at("uuid").as_string()) + ":" + std::string(user.at("key").as_string());
      authorization = "Basic ";
      crypto::append_base64(authorization, as_bytes(pair));
    }
  };
  static FakeReply handle(std::size_t step, const wire::Payload& input) {
    FakeReply reply = echo(step, input);
    if (input.content_type == wire::ContentType::kOctets)
      reply.body = input.body, reply.type = wire::ContentType::kOctets;
    return reply;
  }

  Platform() : client(self->server->port(), self->served.ca_certificate_der()) {}
  ClientResponse ask(std::string_view method, std::string_view target, std::string_view body = {}) {
    return client.ask(method, target, self->authorization, body);
  }
  void deploy(const std::string& name) {
    const std::string body = R"({"exec":{"kind":"native:1","code":"aW1hZ2U="}})";
    ASSERT_EQ(ask("PUT", "/api/v1/namespaces/_/actions/" + name + "?overwrite=true", body).status, 200);
  }

  static Parts* self;
  TlsClient client;
};
Platform::Parts* Platform::self = nullptr;

TEST_F(Platform, DeploysInvokesAndKeepsTheRecord) {
  deploy("hello");
  const ClientResponse answer =
      ask("POST", "/api/v1/namespaces/_/actions/hello?blocking=true", R"({"name":"Ada"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json::value record = json::parse(answer.body);
  EXPECT_EQ(json::serialize(record.at("response").at("result")), R"({"step":0,"input":{"name":"Ada"}})");
  const std::string id(record.at("activationId").as_string());
  EXPECT_NE(answer.head.find("x-openwhisk-activation-id: " + id), std::string::npos);
  const ClientResponse stored = ask("GET", "/api/v1/namespaces/_/activations/" + id);
  EXPECT_EQ(stored.status, 200);
  EXPECT_EQ(json::parse(stored.body).at("logs").as_array().size(), 1u);
}

TEST_F(Platform, ServesManyRequestsOnOneConnection) {
  deploy("many");
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(ask("POST", "/api/v1/namespaces/_/actions/many?blocking=true&result=true", "{}").body,
              R"({"step":0,"input":{}})");
}

TEST_F(Platform, AConnectionEndsWithTheCertificateThatItBeganWith) {
  const TlsIdentity current = self->tls.get();
  EXPECT_GT(current.not_after_unix_ms, self->clock.unix_ms());
  self->tls.set({current.context, self->clock.unix_ms()});
  TlsClient late(self->server->port(), self->served.ca_certificate_der());
  const ClientResponse last = late.ask("GET", "/api/v1", "");
  self->tls.set(current);
  EXPECT_EQ(last.status, 200);
  EXPECT_NE(last.head.find("Connection: close"), std::string::npos) << last.head;
  EXPECT_EQ(late.ask("GET", "/api/v1", "").status, 0);
  EXPECT_EQ(ask("GET", "/api/v1").status, 200);  // others go on
}

TEST_F(Platform, AnswersPipelinedRequestsInOrder) {
  client.send(
      "GET /api/v1 HTTP/1.1\r\nHost: h\r\nX-Request-ID: first\r\n\r\nGET /clemmys/v1/health "
      "HTTP/1.1\r\nHost: h\r\nX-Request-ID: second\r\n\r\n");
  EXPECT_NE(client.receive().head.find("X-Request-ID: first"), std::string::npos);
  EXPECT_NE(client.receive().head.find("X-Request-ID: second"), std::string::npos);
}

TEST_F(Platform, CarriesBytesAsBytes) {
  deploy("bytes");
  std::string image(300'000, '\0');
  crypto::random_bytes({reinterpret_cast<std::uint8_t*>(image.data()), image.size()});
  const ClientResponse answer =
      client.ask("POST", "/api/v1/namespaces/_/actions/bytes?blocking=true&result=true", self->authorization,
                 image, "Content-Type: image/jpeg\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.head.find("application/octet-stream"), std::string::npos);
  EXPECT_TRUE(answer.body == image);
}

TEST_F(Platform, SpeaksTls12ToOldClients) {
  TlsClient old(self->server->port(), self->served.ca_certificate_der(), true);
  EXPECT_EQ(old.ask("GET", "/api/v1", "").status, 200);
}

// A resumed session would outlive the certificate: its one hour counts by the client's clock.
TEST_F(Platform, EveryConnectionSeesTheCertificate) {
  for (const bool version12 : {false, true}) {
    TlsClient any(self->server->port(), self->served.ca_certificate_der(), version12);
    EXPECT_EQ(any.ask("GET", "/api/v1", "").status, 200);  // a ticket would have come by now
    EXPECT_FALSE(any.can_resume());
  }
}

TEST_F(Platform, ResponsesOfLikeSizeLookAlikeOnTheWire) {
  deploy("pad");
  for (std::size_t base : {std::size_t{500}, std::size_t{40'000}}) {
    std::vector<std::uint64_t> sizes;
    for (std::size_t extra : {0, 1, 2}) {
      const std::string body = "{\"x\":\"" + std::string(base + extra, 'x') + "\"}";
      ask("GET", "/api/v1");
      client.wire_size();
      EXPECT_EQ(ask("POST", "/api/v1/namespaces/_/actions/pad?blocking=true&result=true", body).status, 200);
      sizes.push_back(client.wire_size());
    }
    EXPECT_EQ(sizes[0], sizes[1]);
    EXPECT_EQ(sizes[1], sizes[2]);
  }
}

TEST_F(Platform, RefusesMalformedHttpWithOpenWhisksShape) {
  for (const std::string& request :
       {std::string("NONSENSE\r\n\r\n"), std::string("GET /api/v1 HTTP/9.9\r\n\r\n"),
        std::string("GET /api/v1 HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        std::string("POST /api/v1 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        std::string("GET \x01 HTTP/1.1\r\n\r\n")}) {
    TlsClient rude(self->server->port(), self->served.ca_certificate_der());
    rude.send(request);
    const ClientResponse answer = rude.receive();
    EXPECT_EQ(answer.status, 400) << request;
    EXPECT_TRUE(json::parse(answer.body).at("code").is_string());
  }
}

TEST_F(Platform, RefusesHeadersOverTheLimit) {
  client.send("GET /api/v1 HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(client.receive().status, 431);
}

TEST_F(Platform, RefusesBodiesOverTheLimitWithoutTakingThem) {
  client.send(
      "POST /api/v1/namespaces/_/actions/x HTTP/1.1\r\nContent-Length: 999999999999\r\nAuthorization: " +
      self->authorization + "\r\n\r\n");
  EXPECT_EQ(client.receive().status, 413);
}

TEST_F(Platform, RefusesChunkedBodiesOverTheLimit) {
  client.send(
      "POST /api/v1/namespaces/_/actions/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: "
      "application/json\r\nAuthorization: " +
      self->authorization + "\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(65536, ' ') + "\r\n";
  for (int i = 0; i < 20; ++i) client.send(chunk);
  EXPECT_EQ(client.receive().status, 413);
}

TEST_F(Platform, TakesNoBodyFromStrangers) {
  client.send("PUT /api/v1/namespaces/_/actions/x HTTP/1.1\r\nContent-Length: 40000000\r\n\r\n");
  const ClientResponse answer = client.receive();
  EXPECT_EQ(answer.status, 401);
  EXPECT_NE(answer.head.find("OpenWhisk secure realm"), std::string::npos);
}

TEST_F(Platform, ClosesSlowClients) {
  client.send("GET /api/v1 HTTP/1.1\r\nHos");
  EXPECT_EQ(client.receive().status, 0);
  EXPECT_GE(self->metrics.slow_clients.value(), 1u);
}

TEST_F(Platform, TheLongestIdleConnectionMakesRoomForANewOne) {
  ServerConfig config = self->config();
  config.threads = 1;
  config.connections_max = 2;
  Server small(config, self->parts());
  const Status started = small.start();
  ASSERT_TRUE(started);
  const auto connect = [&] { return TlsClient(small.port(), self->served.ca_certificate_der()); };
  TlsClient first = connect(), second = connect();
  EXPECT_EQ(second.ask("GET", "/api/v1", "").status, 200);
  EXPECT_EQ(first.ask("GET", "/api/v1", "").status, 200);  // so the second is idle for longer
  TlsClient third = connect();
  EXPECT_EQ(third.ask("GET", "/api/v1", "").status, 200);
  EXPECT_EQ(second.ask("GET", "/api/v1", "").status, 0);
  EXPECT_EQ(first.ask("GET", "/api/v1", "").status, 200);
}

TEST_F(Platform, AsksForTheBodyOfAnExpectation) {
  client.send(
      "POST /clemmys/v1/namespaces/none/claim HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: "
      "13\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send(R"({"token":"x"})");
  EXPECT_GE(client.receive().status, 400);
}

TEST_F(Platform, SendsNoInterimAnswerToAClientOfHttp10) {
  client.send(
      "POST /clemmys/v1/namespaces/none/claim HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: "
      "13\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  client.send(R"({"token":"x"})");
  EXPECT_GE(client.receive().status, 400);
}

TEST_F(Platform, RelaysTheKmsEvidence) {
  const ClientResponse answer = ask("GET", "/clemmys/v1/evidence?nonce=" + std::string(64, 'a'));
  ASSERT_EQ(answer.status, 200);
  const json::value evidence = json::parse(answer.body);
  EXPECT_EQ(crypto::from_base64(std::string_view(evidence.at("ca_certificate").as_string())).value(),
            self->served.ca_certificate_der());
}

TEST_F(Platform, DefinitionsFollowTheKms) {
  deploy("one");
  EXPECT_EQ(
      ask("PUT", "/api/v1/namespaces/_/actions/one", R"({"exec":{"kind":"native:1","code":"aW1hZ2U="}})")
          .status,
      409);
  EXPECT_EQ(ask("PUT", "/api/v1/namespaces/_/actions/two",
                R"({"exec":{"kind":"sequence","components":["/_/one","/_/none"]}})")
                .status,
            400);
  EXPECT_EQ(ask("PUT", "/api/v1/namespaces/_/actions/two",
                R"({"exec":{"kind":"sequence","components":["/_/one","/_/one"]}})")
                .status,
            200);
  EXPECT_EQ(ask("DELETE", "/api/v1/namespaces/_/actions/two").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/_/actions/two").status, 404);
  EXPECT_EQ(
      crypto::from_base64(std::string_view(json::parse(ask("GET", "/api/v1/namespaces/_/actions/one").body)
                                               .at("exec")
                                               .at("code")
                                               .as_string()))
          .value(),
      to_bytes(std::string_view("image")));
}

}  // namespace
}  // namespace clemmys::gateway
