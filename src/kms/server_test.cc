// server_test.cc: the service over its socket, with good and bad peers.
#include "kms/server.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "kms/file.h"
#include "kms/testing/test_kms.h"

namespace clemmys::kms {
namespace {

using testing::ask_socket;
using testing::ServedKms;

Descriptor connect(const ServedKms& kms) { return Descriptor(*wire::connect_unix(kms.socket_path())); }

// is_closed_by_peer waits for the end of the stream.
bool is_closed_by_peer(int descriptor) {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::recv(descriptor, buffer.data(), buffer.size(), 0);
    if (count <= 0) return count == 0 || errno == ECONNRESET;
  }
}

TEST(Server, ServesAGatewaysWholeStartOverTheSocket) {
  const ServedKms kms;
  const Descriptor socket = connect(kms);
  const auto nonce = *wire::decode_nonce(*ask_socket(socket.get(), wire::KmsFrame::kNonce, {}));
  wire::SessionClient client(wire::Role::kGateway, nonce);
  Bytes quote = *kms.root()
                     .attester({.measurement = testing::kGatewayImage, .signer = {}})
                     ->evidence(attest::ReportData{client.report_data().bytes});
  auto cipher =
      *client.accept(*ask_socket(socket.get(), wire::KmsFrame::kHello, client.hello(std::move(quote))));
  const auto request = [&](const wire::GatewayRequest& one) {
    const Bytes sealed = *ask_socket(socket.get(), wire::KmsFrame::kMessage, cipher.seal(wire::encode(one)));
    return wire::decode_answer(*cipher.open(sealed));
  };
  const Bytes token = *ask_socket(socket.get(), wire::KmsFrame::kCreateNamespace, as_bytes("photos"));
  EXPECT_TRUE(request(wire::ClaimNamespace{"photos", std::string(as_text(token))}));
  const auto answer = request(wire::PutAction{testing::native_action("photos", "scale", {{1}}), 0});
  ASSERT_TRUE(answer);
  EXPECT_GT(answer->time_floor_unix_ms, 1'700'000'000'000u);
  EXPECT_EQ(wire::decode_view(answer->body)->actions.size(), 1u);
  EXPECT_EQ(wire::decode_view(request(wire::GetView{0})->body)->users.size(), 1u);
  EXPECT_TRUE(ask_socket(socket.get(), wire::KmsFrame::kEvidence, Bytes(32, 1)));
}

TEST(Server, ClosesAPeerThatSendsNoFramesAndServesTheOthers) {
  const ServedKms kms;
  const Descriptor good = connect(kms);
  for (const Bytes& garbage : {Bytes(64, 0xff), Bytes(64, 0x00), Bytes{0xff, 0xff, 0xff, 0x7f, 1}}) {
    const Descriptor bad = connect(kms);
    ASSERT_TRUE(write_all(bad.get(), garbage));
    EXPECT_TRUE(is_closed_by_peer(bad.get()));
  }
  EXPECT_TRUE(ask_socket(good.get(), wire::KmsFrame::kNonce, {}));
}

TEST(Server, AnswersAFrameThatArrivesByteByByte) {
  const ServedKms kms;
  const Descriptor socket = connect(kms);
  for (const std::uint8_t byte : wire::encode_frame(static_cast<std::uint8_t>(wire::KmsFrame::kNonce), {})) {
    ASSERT_TRUE(write_all(socket.get(), ByteView(&byte, 1)));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(wire::read_frame(socket.get())->type, static_cast<std::uint8_t>(wire::KmsFrame::kAnswer));
}

TEST(Server, AnswersPipelinedRequestsInOrderAlsoWhenThePeerReadsLate) {
  const ServedKms kms;
  const Descriptor socket = connect(kms);
  constexpr int kRequests = 3000;
  std::thread writer([&] {
    for (int i = 0; i < kRequests; ++i) {
      const bool evidence = i % 100 == 0;  // large answers between small ones
      const Bytes body = evidence ? Bytes(32, 1) : Bytes();
      const auto type = evidence ? wire::KmsFrame::kEvidence : wire::KmsFrame::kNonce;
      EXPECT_TRUE(wire::write_frame(socket.get(), static_cast<std::uint8_t>(type), body));
    }
    ::shutdown(socket.get(), SHUT_WR);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  int answers = 0;
  for (auto frame = wire::read_frame(socket.get()); frame; frame = wire::read_frame(socket.get())) {
    EXPECT_EQ(frame->body.size() > 1000, answers % 100 == 0);
    ++answers;
  }
  writer.join();
  EXPECT_EQ(answers, kRequests);
}

TEST(Server, KeepsServingWhenAllPlacesAreTaken) {
  const ServedKms kms;
  std::vector<Descriptor> idle;
  const Descriptor first = connect(kms);
  ASSERT_TRUE(ask_socket(first.get(), wire::KmsFrame::kNonce, {}));
  for (std::size_t i = 0; i < ServerLimits{}.connections_max + 20; ++i) {
    auto descriptor = wire::connect_unix(kms.socket_path());
    if (descriptor) idle.emplace_back(*descriptor);
  }
  EXPECT_TRUE(ask_socket(first.get(), wire::KmsFrame::kNonce, {}));
  idle.clear();
  for (int attempt = 0; attempt < 100; ++attempt) {
    const Descriptor again = connect(kms);
    if (ask_socket(again.get(), wire::KmsFrame::kNonce, {})) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL() << "places were not given back";
}

TEST(Server, SurvivesRandomBytesInFrames) {
  const ServedKms kms;
  const Descriptor socket = connect(kms);
  for (int round = 0; round < 2000; ++round) {
    Bytes body(static_cast<std::size_t>(round) % 300);
    crypto::random_bytes(body);
    ASSERT_TRUE(wire::write_frame(socket.get(), static_cast<std::uint8_t>(round % 7), body));
    ASSERT_TRUE(wire::read_frame(socket.get()));
  }
}

}  // namespace
}  // namespace clemmys::kms
