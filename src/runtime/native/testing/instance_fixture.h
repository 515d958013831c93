// instance_fixture.h: the instance over a socketpair, against an invoker and a key service that the test
// plays with the real helpers: genuine evidence under a throw-away root, the real handshake, real envelopes.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "attest/testing/test_attester.h"
#include "runtime/native/instance.h"
#include "wire/frame.h"
#include "wire/kms_api.h"
#include "wire/links.h"

namespace clemmys::runtime {

using wire::InstanceFrame;
using wire::KmsFrame;

class Instance : public ::testing::Test {
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
      ended_ = serve_link(pair_[1], *attester_, clock_, log_,
                          {.prepare = {}, .call = handler_, .become = become_});
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
    if (script_) {
      keys.script.emplace();
      keys.script->code = script_->code.copy();
      keys.code = code_digest_;
    }
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

  static inline std::unique_ptr<attest::testing::TestRoot> root_;
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
  std::function<Status(const wire::StepKeys&, const wire::Header&, BlobSource&)> become_;
  std::optional<wire::ScriptKeys> script_;  // given with the keys
  Digest code_digest_;
  Status ended_;
  std::thread instance_;
};

}  // namespace clemmys::runtime
