// The instance over a socketpair, against an invoker and a key service that the test plays with the real
// helpers: genuine evidence under a throw-away root, the real handshake, real envelopes.
#include "runtime/native/instance.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>

#include "attest/testing/test_attester.h"
#include "wire/frame.h"
#include "wire/kms_api.h"
#include "wire/links.h"

namespace clemmys::runtime {
namespace {

using wire::InstanceFrame;
using wire::KmsFrame;

class Instance : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(crypto::initialize());
    root_ = std::make_unique<attest::testing::TestRoot>();
  }
  static void TearDownTestSuite() { root_.reset(); }

  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair_), 0);
    const timeval patience{10, 0};
    ::setsockopt(pair_[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    attester_ = root_->attester({.measurement = image_});
    instance_ = std::thread([this] {
      ended_ = serve_link(pair_[1], *attester_, clock_, log_, handler_);
      ::close(pair_[1]);
    });
  }
  void TearDown() override {
    stop();
    ::close(pair_[0]);
  }
  // stop closes the link and returns why the instance ended.
  Error stop() {
    ::shutdown(pair_[0], SHUT_RDWR);
    if (instance_.joinable()) instance_.join();
    return ended_.error();
  }
  Error wait() {
    instance_.join();
    return ended_.error();
  }

  void send(InstanceFrame type, ByteView body) {
    ASSERT_TRUE(wire::write_frame(pair_[0], static_cast<std::uint8_t>(type), body));
  }
  Bytes receive(InstanceFrame type) {
    auto frame = wire::read_frame(pair_[0]);
    EXPECT_TRUE(frame) << "the instance went away";
    if (!frame) return {};
    EXPECT_EQ(frame->type, static_cast<std::uint8_t>(type)) << as_text(frame->body);
    return std::move(frame->body);
  }
  Bytes receive_question(KmsFrame type) {
    Bytes question = receive(InstanceFrame::kKmsRequest);
    EXPECT_FALSE(question.empty());
    if (question.empty()) return {};
    EXPECT_EQ(question[0], static_cast<std::uint8_t>(type));
    question.erase(question.begin());
    return question;
  }
  void answer(ByteView body, KmsFrame type = KmsFrame::kAnswer) {
    Bytes answer = {static_cast<std::uint8_t>(type)};
    answer.insert(answer.end(), body.begin(), body.end());
    send(InstanceFrame::kKmsAnswer, answer);
  }

  void assign() { send(InstanceFrame::kAssign, wire::encode(wire::InstanceAssignment{function_, 256})); }
  // open_session plays the key service, which checks the evidence as the real one does.
  void open_session() {
    receive_question(KmsFrame::kNonce);
    answer(encode(wire::make_nonce(kms_, 1)));
    const Bytes hello_bytes = receive_question(KmsFrame::kHello);
    const wire::SessionHello hello = wire::decode_hello(hello_bytes).value();
    const auto identity =
        attest::verify_quote(hello.evidence, root_->collateral(), root_->trust(), root_->now_unix_s())
            .value();
    EXPECT_EQ(identity.measurement, image_);
    EXPECT_EQ(identity.report_data.bytes,
              wire::session_report_data(hello.role, hello.client, hello.nonce).bytes);
    wire::AcceptedSession accepted = wire::accept_session(hello_bytes, hello, kms_).value();
    session_.emplace(std::move(accepted.cipher));
    answer(accepted.accept);
  }
  void become_ready() {
    assign();
    open_session();
    receive(InstanceFrame::kReady);
  }
  void give_keys() {
    const Bytes question = session_->open(receive_question(KmsFrame::kMessage)).value();
    const auto request = std::get<wire::GetStepKeys>(wire::decode_function_request(question).value());
    EXPECT_EQ(request.function, function_);
    EXPECT_EQ(request.chain, header().chain);
    wire::StepKeys keys;
    keys.edge_in = edge_in_.copy();
    keys.edge_out = edge_out_.copy();
    keys.return_key = return_key_.copy();
    keys.in = {wire::Kind::kRequest, 0, 1, function_, image_, 256, 1000};
    keys.out = {wire::Kind::kResult, 1, 1, {}, {}, 0, 0};
    keys.parameters_json = "{}";
    keys.logs_mib = 1;
    answer(session_->seal(wire::encode_answer(1, encode(keys))));
  }

  wire::Header header() const {
    wire::Header header;
    header.steps = 1;
    header.activation = activation_;
    header.chain.bytes[0] = 7;
    header.receiver = function_;
    header.image = image_;
    header.memory_mib = 256;
    header.timeout_ms = 1000;
    header.deadline_unix_ms = clock_.unix_ms() + 60'000;
    return header;
  }
  Bytes request(std::string_view body) const {
    wire::Payload payload;
    payload.body = to_bytes(body);
    return wire::seal(header(), edge_in_, payload);
  }

  static std::unique_ptr<attest::testing::TestRoot> root_;
  int pair_[2] = {-1, -1};
  FakeClock clock_{1'800'000'000'000};
  CallLog log_{clock_};
  Key edge_in_ = crypto::random_key(), edge_out_ = crypto::random_key(), return_key_ = crypto::random_key();
  Measurement image_ = crypto::random_fixed<Measurement>();
  FunctionId function_ = crypto::random_fixed<FunctionId>();
  ActivationId activation_ = crypto::random_fixed<ActivationId>();
  crypto::Ed25519KeyPair kms_ = crypto::ed25519_from_seed(crypto::random_key());
  std::optional<wire::SessionCipher> session_;
  std::unique_ptr<attest::Attester> attester_;
  Handler handler_ = [](const Call& call) {
    return Reply{Reply::Kind::kAnswer, call.is_json, {call.body.begin(), call.body.end()}, {}};
  };
  Status ended_;
  std::thread instance_;
};

std::unique_ptr<attest::testing::TestRoot> Instance::root_;

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

}  // namespace
}  // namespace clemmys::runtime
