#include "runtime/native/step_runner.h"

#include <gtest/gtest.h>

#include "runtime/native/merge.h"

namespace clemmys::runtime {
namespace {

constexpr std::uint64_t kNow = 1'800'000'000'000;

// Chain is two steps of one namespace, as the key service would hand them out.
class StepRunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::initialize().has_value());
    secret_ = crypto::random_key();
    digest_ = crypto::random_fixed<Digest>();
    chain_ = crypto::random_fixed<ChainId>();
    for (FunctionId& function : functions_) function = crypto::random_fixed<FunctionId>();
    for (Measurement& image : images_) image = crypto::random_fixed<Measurement>();
  }

  wire::HeaderConstants constants(std::uint16_t edge) const {
    if (edge == 2) return {.kind = wire::Kind::kResult, .step = 2, .steps = 2};
    return {.kind = wire::Kind::kRequest,
            .step = edge,
            .steps = 2,
            .receiver = functions_[edge],
            .image = images_[edge],
            .memory_mib = 256,
            .timeout_ms = 60'000};
  }

  wire::StepKeys step_keys(std::uint16_t step) const {
    wire::StepKeys keys;
    keys.edge_in = wire::edge_key(secret_, digest_, step);
    keys.edge_out = wire::edge_key(secret_, digest_, static_cast<std::uint16_t>(step + 1));
    keys.return_key = wire::return_key(secret_, digest_, step);
    keys.in = constants(step);
    keys.out = constants(static_cast<std::uint16_t>(step + 1));
    keys.parameters_json = parameters_;
    keys.logs_mib = 1;
    return keys;
  }

  wire::Header header(std::uint16_t step) const {
    const wire::HeaderConstants c = constants(step);
    wire::Header header;
    header.kind = c.kind;
    header.step = c.step;
    header.steps = c.steps;
    header.activation = activation_;
    header.chain = chain_;
    header.chain_digest = digest_;
    header.receiver = c.receiver;
    header.image = c.image;
    header.memory_mib = c.memory_mib;
    header.timeout_ms = c.timeout_ms;
    header.deadline_unix_ms = kNow + 10'000;
    return header;
  }

  Bytes request(const wire::Header& header, std::string_view body = "{\"n\":1}") const {
    wire::Payload payload;
    payload.body = to_bytes(body);
    payload.blinding = crypto::random_key();
    return wire::seal(header, wire::edge_key(secret_, digest_, header.step), payload);
  }

  StepRunner runner(std::uint16_t step, Handler handler) {
    return StepRunner(
        clock_, log_, std::move(handler),
        [this, step](const wire::GetStepKeys&) -> Result<wire::StepKeys> { return step_keys(step); },
        {.function = functions_[step]});
  }

  // refusal runs one envelope that must be refused before the handler sees it.
  std::string_view refusal(StepRunner& runner, ByteView envelope) {
    const int before = calls_;
    auto result = runner.run(envelope, [this] { return floor_; });
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(calls_, before) << "the handler must not run";
    return result ? "" : result.error().site;
  }

  Handler echo() {
    return [this](const Call& call) {
      ++calls_;
      return Reply{Reply::Kind::kAnswer, call.is_json, {call.body.begin(), call.body.end()}, {}};
    };
  }

  Result<StepOutput> run(StepRunner& runner, ByteView envelope) {
    return runner.run(envelope, [this] { return floor_; });
  }

  FakeClock clock_{kNow};
  CallLog log_{clock_};
  Key secret_;
  Digest digest_;
  ChainId chain_;
  FunctionId functions_[2];
  Measurement images_[2];
  ActivationId activation_ = crypto::random_fixed<ActivationId>();
  std::string parameters_ = "{}";
  std::uint64_t floor_ = 0;
  int calls_ = 0;
};

TEST_F(StepRunnerTest, SealsForTheNextStepWithTheConstantsOfTheKeyService) {
  StepRunner first = runner(0, echo());
  auto output = run(first, request(header(0)));
  ASSERT_TRUE(output.has_value());
  const wire::Header next = *wire::decode_header(output->output);
  EXPECT_EQ(next.receiver, functions_[1]);
  EXPECT_EQ(next.step, 1);
  auto payload = wire::open(output->output, wire::edge_key(secret_, digest_, 1));
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(as_text(payload->body), "{\"n\":1}");
  EXPECT_EQ(payload->receipts.size(), 1u);
  EXPECT_TRUE(
      wire::receipt_is_genuine(wire::return_key(secret_, digest_, 0), header(0), 0, payload->receipts[0]));
  EXPECT_TRUE(wire::open_event(output->event, wire::return_key(secret_, digest_, 0)).has_value());
}

TEST_F(StepRunnerTest, TheLastStepAnswersTheGateway) {
  StepRunner last = runner(1, echo());
  auto output = run(last, request(header(1)));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(wire::decode_header(output->output)->kind, wire::Kind::kResult);
  EXPECT_EQ(wire::open(output->output, wire::edge_key(secret_, digest_, 2))->outcome,
            wire::Outcome::kSuccess);
}

TEST_F(StepRunnerTest, RefusesAnEnvelopeOfAnotherStep) {
  StepRunner first = runner(0, echo());
  EXPECT_EQ(refusal(first, request(header(1))), "runtime.step.receiver");
}

TEST_F(StepRunnerTest, RefusesChangedHeaderConstantsEvenUnderTheRightKey) {
  StepRunner first = runner(0, echo());
  wire::Header changed = header(0);
  changed.memory_mib = 512;
  EXPECT_EQ(refusal(first, request(changed)), "runtime.step.header_constants");
  changed = header(0);
  changed.image = images_[1];
  EXPECT_EQ(refusal(first, request(changed)), "runtime.step.header_constants");
}

TEST_F(StepRunnerTest, RefusesEveryFlippedBitOfTheHeaderAndAFlippedPayload) {
  StepRunner first = runner(0, echo());
  const Bytes good = request(header(0));
  for (std::size_t i = 0; i < wire::kHeaderSize + 1; ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    refusal(first, bad);
  }
  EXPECT_TRUE(run(first, good).has_value()) << "refused envelopes must leave no trace";
}

TEST_F(StepRunnerTest, RefusesAReplayAndAnExpiredOne) {
  StepRunner first = runner(0, echo());
  const Bytes envelope = request(header(0));
  ASSERT_TRUE(run(first, envelope).has_value());
  EXPECT_EQ(refusal(first, envelope), "runtime.replay.seen");
  clock_.advance_ms(20'000);
  EXPECT_EQ(refusal(first, envelope), "runtime.step.deadline");
}

TEST_F(StepRunnerTest, AClockThatGoesBackDoesNotMakeAnExpiredEnvelopeFresh) {
  StepRunner first = runner(0, echo());
  const Bytes envelope = request(header(0));
  ASSERT_TRUE(run(first, envelope).has_value());
  clock_.advance_ms(20'000);
  refusal(first, envelope);
  clock_.set_ms(kNow);
  EXPECT_EQ(refusal(first, envelope), "runtime.step.deadline");
}

TEST_F(StepRunnerTest, BelievesTheKeyServicesTimeFloor) {
  StepRunner first = runner(0, echo());
  floor_ = kNow + 60'000;
  EXPECT_EQ(refusal(first, request(header(0))), "runtime.step.deadline");
}

TEST_F(StepRunnerTest, AnErrorInTheAnswerEndsTheChainUnderTheReturnKey) {
  StepRunner first = runner(
      0, [](const Call&) { return Reply{Reply::Kind::kAnswer, true, to_bytes("{\"error\":\"no\"}"), {}}; });
  auto output = run(first, request(header(0)));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(wire::decode_header(output->output)->kind, wire::Kind::kEnd);
  EXPECT_FALSE(wire::open(output->output, wire::edge_key(secret_, digest_, 1)).has_value());
  EXPECT_EQ(wire::open(output->output, wire::return_key(secret_, digest_, 0))->outcome,
            wire::Outcome::kHandlerError);
}

TEST_F(StepRunnerTest, AnExceptionsTextGoesToTheLogOnly) {
  StepRunner first =
      runner(0, [](const Call&) { return Reply{Reply::Kind::kException, true, {}, "the secret is 42"}; });
  auto output = run(first, request(header(0)));
  ASSERT_TRUE(output.has_value());
  auto end = wire::open(output->output, wire::return_key(secret_, digest_, 0));
  EXPECT_EQ(end->outcome, wire::Outcome::kRuntimeFault);
  EXPECT_EQ(as_text(end->body).find("42"), std::string_view::npos);
  auto event = wire::open_event(output->event, wire::return_key(secret_, digest_, 0));
  EXPECT_NE(as_text(event->log).find("the secret is 42"), std::string_view::npos);
  EXPECT_EQ(end->log_digests.at(0), crypto::sha256(event->log));
}

TEST_F(StepRunnerTest, AnAnswerThatIsNotJsonIsARuntimeFault) {
  StepRunner first =
      runner(0, [](const Call&) { return Reply{Reply::Kind::kAnswer, true, to_bytes("hello"), {}}; });
  EXPECT_EQ(
      wire::open(run(first, request(header(0)))->output, wire::return_key(secret_, digest_, 0))->outcome,
      wire::Outcome::kRuntimeFault);
}

TEST_F(StepRunnerTest, MergesDefaultParametersUnderTheCallers) {
  parameters_ = R"({"n":7,"greeting":"hi"})";
  StepRunner last = runner(1, echo());
  auto output = run(last, request(header(1)));
  EXPECT_EQ(as_text(wire::open(output->output, wire::edge_key(secret_, digest_, 2))->body),
            R"({"n":1,"greeting":"hi"})");
}

TEST_F(StepRunnerTest, DeepArgumentsDoNotEscapeTheDefaultParameters) {
  parameters_ = R"({"greeting":"hi"})";
  StepRunner last = runner(1, echo());
  const std::string deep = R"({"n":)" + std::string(60, '[') + std::string(60, ']') + "}";
  auto output = run(last, request(header(1), deep));
  EXPECT_TRUE(as_text(wire::open(output->output, wire::edge_key(secret_, digest_, 2))->body)
                  .starts_with(R"({"greeting":"hi","n":)"));
  activation_ = crypto::random_fixed<ActivationId>();
  output = run(last, request(header(1), R"({"n":)" + std::string(70, '[') + std::string(70, ']') + "}"));
  EXPECT_EQ(wire::open(output->output, wire::return_key(secret_, digest_, 1))->outcome,
            wire::Outcome::kRuntimeFault);
  EXPECT_EQ(calls_, 1) << "the handler must not run without them";
}

TEST(ReplayCache, RefusesNewWorkWhenFullAndForgetsOnlyTheExpired) {
  ReplayCache cache(2);
  const auto id = [](std::uint8_t n) {
    ActivationId a;
    a.bytes[0] = n;
    return a;
  };
  ASSERT_TRUE(cache.admit(id(1), 0, 1'500, 1).has_value());
  ASSERT_TRUE(cache.admit(id(1), 1, 9'000, 1).has_value());
  EXPECT_EQ(cache.admit(id(2), 0, 9'000, 1'499).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(cache.admit(id(1), 0, 1'500, 1'499).error().code, ErrorCode::kDenied);
  EXPECT_TRUE(cache.admit(id(2), 0, 9'000, 2'000).has_value());
  EXPECT_EQ(cache.admit(id(1), 1, 9'000, 8'999).error().code, ErrorCode::kDenied);
  EXPECT_EQ(cache.size(), 2u);
}

TEST_F(StepRunnerTest, AnAnswerAfterTheTimeLimitIsNone) {
  StepRunner late = runner(0, [this](const Call&) {
    clock_.advance_ms(60'001);
    return Reply{Reply::Kind::kAnswer, true, to_bytes(std::string_view("{}")), {}};
  });
  const auto output = run(late, request(header(0)));
  ASSERT_TRUE(output.has_value());
  EXPECT_EQ(wire::decode_header(output->output)->kind, wire::Kind::kEnd);
  const auto payload = wire::open(output->output, step_keys(0).return_key);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->outcome, wire::Outcome::kTimeExceeded);
  EXPECT_EQ(as_text(payload->body),
            R"({"error":"The action exceeded its time limits of 60000 milliseconds."})");
}

TEST_F(StepRunnerTest, AHandlerOutOfMemoryIsSaidAndIsTheLastCall) {
  StepRunner greedy = runner(0, [](const Call&) { return Reply{Reply::Kind::kOutOfMemory, true, {}, {}}; });
  const auto output = run(greedy, request(header(0)));
  ASSERT_TRUE(output.has_value());
  EXPECT_TRUE(output->retire);
  const auto payload = wire::open(output->output, step_keys(0).return_key);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(as_text(payload->body), R"({"error":"The action exhausted its memory and was aborted."})");
}

TEST_F(StepRunnerTest, CodeThatDoesNotLoadIsSaidAndIsTheLastCall) {
  StepRunner broken =
      runner(0, [](const Call&) { return Reply{Reply::Kind::kFault, true, {}, "it does not load", true}; });
  const auto output = run(broken, request(header(0)));
  ASSERT_TRUE(output.has_value());
  EXPECT_TRUE(output->retire);
  const auto payload = wire::open(output->output, step_keys(0).return_key);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(as_text(payload->body), R"({"error":"it does not load"})");
}

TEST_F(StepRunnerTest, AHandlerThatMetItsTimeLimitInsideIsToldFromOtherFaults) {
  StepRunner late =
      runner(0, [](const Call&) { return Reply{Reply::Kind::kOutOfTime, true, {}, "too late"}; });
  const auto output = run(late, request(header(0)));
  ASSERT_TRUE(output.has_value());
  const auto payload = wire::open(output->output, step_keys(0).return_key);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->outcome, wire::Outcome::kTimeExceeded);
  EXPECT_EQ(as_text(payload->body), R"({"error":"too late"})");
  EXPECT_FALSE(output->retire);
}

TEST(CallLog, EndsAtItsLimitAndSaysSo) {
  FakeClock clock(kNow);
  CallLog log(clock);
  log.begin(60);
  log.add(Stream::kOut, "one");
  log.add(Stream::kOut, "a line that does not fit any more into sixty bytes");
  const Bytes text = log.end();
  EXPECT_NE(as_text(text).find(" stdout: one\n"), std::string_view::npos);
  EXPECT_NE(
      as_text(text).find(" stderr: Logs were truncated because the total bytes size exceeds the limit of 60 "
                         "bytes.\n"),
      std::string_view::npos);
  EXPECT_EQ(as_text(text).find("does not fit"), std::string_view::npos);
}

}  // namespace
}  // namespace clemmys::runtime
