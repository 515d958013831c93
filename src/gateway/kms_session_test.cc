// The session's client half against the real KMS, and against what stands in its place.
#include "gateway/kms_session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "gateway/kms_link.h"
#include "kms/testing/test_kms.h"
#include "wire/frame.h"

namespace clemmys::gateway {
namespace {

std::unique_ptr<attest::Attester> attester_of(const kms::testing::ServedKms& kms, const Measurement& image) {
  return kms.root().attester({.measurement = image, .signer = {}});
}

TEST(KmsSession, OpensForAnAdmittedGatewayAndAnswers) {
  kms::testing::ServedKms kms;
  const auto attester = attester_of(kms, kms::testing::kGatewayImage);
  auto session = KmsSession::open(kms.socket_path(), *attester, std::nullopt);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->request(wire::GetView{}));
  EXPECT_TRUE(session->evidence(Bytes(32, 7)));
  EXPECT_FALSE(session->broken());
}

TEST(KmsSession, RefusesAnotherIdentityThanTheFirst) {
  kms::testing::ServedKms first, second;
  const auto attester = attester_of(second, kms::testing::kGatewayImage);
  const auto known =
      KmsSession::open(first.socket_path(), *attester_of(first, kms::testing::kGatewayImage), std::nullopt)
          ->kms();
  auto session = KmsSession::open(second.socket_path(), *attester, known);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().site, "gateway.kms.other_identity");
}

TEST(KmsSession, OtherImagesGetNone) {
  kms::testing::ServedKms kms;
  EXPECT_FALSE(KmsSession::open(kms.socket_path(), *attester_of(kms, Measurement{{0x66}}), std::nullopt));
}

TEST(KmsSession, SaysSoWhenNobodyListens) {
  kms::testing::ServedKms kms;
  EXPECT_EQ(
      KmsSession::open("/nowhere/kms.sock", *attester_of(kms, kms::testing::kGatewayImage), std::nullopt)
          .error()
          .code,
      ErrorCode::kUnavailable);
}

// A relay between gateway and key service: once told to, it lets the next message be served and says that it
// was refused, because the session were not known.
class LyingRelay {
 public:
  explicit LyingRelay(const kms::testing::ServedKms& kms) : kms_(kms) {
    sockaddr_un address{.sun_family = AF_UNIX};
    std::memcpy(address.sun_path, path().c_str(), path().size() + 1);
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener_, 4) == 0);
    thread_ = std::thread([this] { run(); });
  }
  ~LyingRelay() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string path() const { return folder_.path() + "/relay.sock"; }
  std::atomic<bool> lies = false;
  std::atomic<int> served_and_denied = 0;

 private:
  void run() {
    for (int peer; (peer = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      const int server = wire::connect_unix(kms_.socket_path()).value();
      while (relay(peer, server)) {
      }
      ::close(peer);
      ::close(server);
    }
  }
  bool relay(int peer, int server) {
    const auto question = wire::read_frame(peer);
    if (!question || !wire::write_frame(server, question->type, question->body)) return false;
    const auto answer = wire::read_frame(server);
    if (!answer) return false;
    const bool lie = question->type == static_cast<std::uint8_t>(wire::KmsFrame::kMessage) && lies;
    served_and_denied += lie;
    if (!lie) return wire::write_frame(peer, answer->type, answer->body).has_value();
    const Bytes refusal = {static_cast<std::uint8_t>(ErrorCode::kNotFound)};
    (void)wire::write_frame(peer, static_cast<std::uint8_t>(wire::KmsFrame::kRefused), refusal);
    return false;
  }

  const kms::testing::ServedKms& kms_;
  kms::testing::TemporaryFolder folder_;
  int listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::thread thread_;
};

TEST(KmsLink, AChangeThatTheHostSaysWasRefusedIsNotMadeTwice) {
  kms::testing::ServedKms kms;
  LyingRelay relay(kms);
  const auto attester = attester_of(kms, kms::testing::kGatewayImage);
  const SystemClock clock;
  TimeSource time{clock};
  View view;
  TlsContextSlot tls;
  Metrics metrics;
  // It polls rarely: the lie meets the change.
  KmsThread thread({.socket_path = relay.path(), .poll_ms = 600'000}, *attester, view, tls, time, metrics);
  ASSERT_TRUE(thread.start());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the first poll
  relay.lies = true;
  std::promise<Result<Bytes>> answered;
  const auto link = thread.link([](const std::function<void()>& task) { task(); });
  spawn([](KmsLink& to, std::promise<Result<Bytes>>& out) -> Task<void> {
    out.set_value(co_await to.change(wire::ClaimNamespace{.namespace_name = "name", .token = "token"}));
  }(*link, answered));
  const Result<Bytes> answer = answered.get_future().get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().site, "gateway.kms.outcome_unknown");
  EXPECT_EQ(relay.served_and_denied, 1);
}

// An impostor that answers everything with the same bytes.
TEST(KmsSession, RefusesAnImpostorsNonce) {
  kms::testing::ServedKms kms;
  kms::testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/k.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 4), 0);
  auto nonce = wire::make_nonce(crypto::ed25519_from_seed(crypto::random_key()), 1);
  nonce.unix_ms += 1;  // no longer what was signed
  for (const Bytes& answer : {wire::encode(nonce), Bytes(), Bytes(1000, 0xff)}) {
    std::thread impostor([&] {
      const int peer = ::accept(listener, nullptr, nullptr);
      (void)wire::read_frame(peer);
      (void)wire::write_frame(peer, static_cast<std::uint8_t>(wire::KmsFrame::kAnswer), answer);
      ::close(peer);
    });
    EXPECT_FALSE(KmsSession::open(path, *attester_of(kms, kms::testing::kGatewayImage), std::nullopt));
    impostor.join();
  }
  ::close(listener);
}

}  // namespace
}  // namespace clemmys::gateway
