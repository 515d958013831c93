#include "runtime/native/instance.h"

#include <chrono>

#include "runtime/native/testing/instance_fixture.h"

namespace clemmys::runtime {
namespace {

TEST_F(Instance, AttestsTakesKeysOnceAndAnswersWithEventThenOutput) {
  become_ready();
  send(InstanceFrame::kEnvelope, request(R"({"n":1})"));
  give_keys();
  for (int n = 1; n <= 3; ++n) {
    if (n > 1) {
      activation_ = crypto::random_fixed<ActivationId>();
      send(InstanceFrame::kEnvelope, request(R"({"n":1})"));
    }
    EXPECT_TRUE(wire::open_event(receive(InstanceFrame::kEvent), return_key_));
    EXPECT_EQ(as_text(wire::open(receive(InstanceFrame::kOutput), edge_out_).value().body), R"({"n":1})");
  }
  EXPECT_EQ(stop().site, "runtime.link.closed");
}

TEST_F(Instance, CarriesLargeBodies) {
  become_ready();
  const std::string large = "[\"" + std::string(900'000, 'x') + "\"]";
  send(InstanceFrame::kEnvelope, request(large));
  give_keys();
  receive(InstanceFrame::kEvent);
  EXPECT_EQ(as_text(wire::open(receive(InstanceFrame::kOutput), edge_out_).value().body), large);
}

TEST_F(Instance, TakesEnvelopesThatComeTogetherOrInPieces) {
  become_ready();
  send(InstanceFrame::kEnvelope, request("{}"));
  give_keys();
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
  activation_ = crypto::random_fixed<ActivationId>();
  Bytes stream = wire::encode_frame(static_cast<std::uint8_t>(InstanceFrame::kEnvelope), request("{}"));
  activation_ = crypto::random_fixed<ActivationId>();
  const Bytes second = wire::encode_frame(static_cast<std::uint8_t>(InstanceFrame::kEnvelope), request("{}"));
  stream.insert(stream.end(), second.begin(), second.end());
  ASSERT_EQ(::write(pair_[0], stream.data(), 3), 3);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_EQ(::write(pair_[0], stream.data() + 3, second.size()), static_cast<ssize_t>(second.size()));
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
  ASSERT_EQ(::write(pair_[0], stream.data() + 3 + second.size(), second.size() - 3),
            static_cast<ssize_t>(second.size() - 3));
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
}

TEST_F(Instance, NamesTheRefusalOfAnEnvelopeAndGoesOn) {
  become_ready();
  Bytes bad = request("{}");
  bad[0] ^= 1;
  send(InstanceFrame::kEnvelope, bad);
  const Bytes refusal = receive(InstanceFrame::kRefusedEnvelope);
  EXPECT_EQ(refusal.at(0), static_cast<std::uint8_t>(ErrorCode::kCorrupt));
  EXPECT_EQ(as_text(ByteView(refusal).subspan(1)), "wire.header.magic");
  send(InstanceFrame::kEnvelope, request("{}"));
  give_keys();
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
}

TEST_F(Instance, RefusesAnEnvelopeWhoseKeysTheKeyServiceRefuses) {
  become_ready();
  send(InstanceFrame::kEnvelope, request("{}"));
  session_->open(receive_question(KmsFrame::kMessage)).value();
  answer(session_->seal(wire::encode_refusal(1, Error{ErrorCode::kDenied, "kms.release.measurement"})));
  EXPECT_EQ(receive(InstanceFrame::kRefusedEnvelope).at(0), static_cast<std::uint8_t>(ErrorCode::kDenied));
}

TEST_F(Instance, RefusesAForgedAnswerToItsKeyRequest) {
  become_ready();
  send(InstanceFrame::kEnvelope, request("{}"));
  receive_question(KmsFrame::kMessage);
  answer(Bytes(100, 1));
  EXPECT_EQ(receive(InstanceFrame::kRefusedEnvelope).at(0), static_cast<std::uint8_t>(ErrorCode::kCorrupt));
}

TEST_F(Instance, EndsWhenAnotherKeyServiceAnswersTheHello) {
  assign();
  receive_question(KmsFrame::kNonce);
  answer(encode(wire::make_nonce(kms_, 1)));
  const Bytes hello = receive_question(KmsFrame::kHello);
  const auto impostor = crypto::ed25519_from_seed(crypto::random_key());
  answer(wire::accept_session(hello, wire::decode_hello(hello).value(), impostor).value().accept);
  EXPECT_EQ(wait().site, "wire.session.signature");
}

TEST_F(Instance, EndsWhenTheKeyServiceRefusesIt) {
  assign();
  receive_question(KmsFrame::kNonce);
  answer(Bytes{static_cast<std::uint8_t>(ErrorCode::kDenied)}, KmsFrame::kRefused);
  EXPECT_EQ(wait().code, ErrorCode::kDenied);
}

TEST_F(Instance, EndsWhenTheFirstFrameIsNoAssignment) {
  send(InstanceFrame::kEnvelope, request("{}"));
  EXPECT_EQ(wait().site, "runtime.instance.first_frame");
}

TEST_F(Instance, EndsOnAFrameThatItDoesNotExpect) {
  become_ready();
  assign();
  EXPECT_EQ(wait().site, "runtime.instance.frame");
}

TEST_F(Instance, EndsOnAFrameOverTheLimit) {
  become_ready();
  Writer prefix;
  prefix.u32(100u << 20);
  prefix.u8(static_cast<std::uint8_t>(InstanceFrame::kEnvelope));
  ASSERT_EQ(::write(pair_[0], prefix.bytes().data(), prefix.bytes().size()),
            static_cast<ssize_t>(prefix.bytes().size()));
  EXPECT_EQ(wait().site, "runtime.link.length");
}

TEST_F(Instance, OfANativeImageIsNeverPrewarmed) {
  send(InstanceFrame::kPrewarm, {});
  EXPECT_EQ(wait().site, "runtime.instance.first_frame");
}

}  // namespace
}  // namespace clemmys::runtime
