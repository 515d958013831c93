// The session's client half against the real KMS, and against what stands in its place.
#include "gateway/kms_session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

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
