// What the host may do to an answer, one attack each, and that none of it gets through.
#include "gateway/invocation.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "gateway/testing/test_world.h"

namespace clemmys::gateway {
namespace {

using namespace testing;

class Answers : public ::testing::Test {
 protected:
  Answers() {
    world.add_action("a");
    world.add_action("b");
    world.add_action("c");
    world.add_sequence("abc", {"a", "b", "c"});
    world.add_sequence("cba", {"c", "b", "a"});
  }
  Invocation invoke(const std::string& name) {
    const auto snapshot = world.view.snapshot();
    const ActionPointer action = snapshot->action("guest", "", name);
    InvocationInput input{.owner = world.owner(),
                          .action = action,
                          .chain = snapshot->chain(action->chain),
                          .subject = "guest-user",
                          .body = to_bytes(std::string_view(R"({"x":1})")),
                          .now_unix_ms = kNow};
    return Invocation(std::move(input));
  }
  FakeAnswers answer(const Invocation& invocation, const std::string& name,
                     const FakeHandler& handler = echo) {
    return world.kms.functions(name).answer(invocation.envelope(), handler);
  }
  static FakeReply fail_at_1(std::size_t step, const wire::Payload& input) {
    if (step != 1) return echo(step, input);
    return {.outcome = wire::Outcome::kHandlerError, .body = to_bytes(std::string_view(R"({"error":"no"})"))};
  }
  void refuses(Invocation& invocation, ByteView envelope, std::string_view site) {
    auto finished = invocation.finish(envelope, kNow + 5);
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(finished.error().site, site);
  }
  // bent refuses an answer of "abc" whose payload was changed by somebody who holds the sealing key.
  void bent(const std::function<void(FakeAnswers&)>& bend, std::string_view site,
            const FakeHandler& handler = echo) {
    Invocation invocation = invoke("abc");
    FakeAnswers answers = answer(invocation, "abc", handler);
    bend(answers);
    refuses(invocation, world.kms.functions("abc").seal_answer(answers.header, answers.payload), site);
  }
  TestWorld world;
};

TEST_F(Answers, GenuineResultIsTakenWithRecordsOfEachStep) {
  Invocation invocation = invoke("abc");
  const FakeAnswers answers = answer(invocation, "abc");
  for (const Bytes& event : answers.events) EXPECT_TRUE(invocation.take_event(event));
  auto finished = invocation.finish(answers.done, kNow + 5);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->record.status, ActivationStatus::kSuccess);
  EXPECT_EQ(as_text(finished->record.result),
            R"({"step":2,"input":{"step":1,"input":{"step":0,"input":{"x":1}}}})");
  ASSERT_EQ(finished->components.size(), 3u);
  EXPECT_EQ(finished->components[1].name, "b");
  EXPECT_EQ(finished->components[1].cause, invocation.activation());
  EXPECT_EQ(as_text(finished->components[1].log), "2026-01-01T00:00:00.000Z stdout: hello\n");
}

TEST_F(Answers, EarlyEndIsTakenAndStopsTheSequence) {
  Invocation invocation = invoke("abc");
  auto finished = invocation.finish(answer(invocation, "abc", fail_at_1).done, kNow + 5);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->record.status, ActivationStatus::kApplicationError);
  EXPECT_EQ(as_text(finished->record.result), R"({"error":"no"})");
  EXPECT_EQ(finished->record.components.size(), 2u);
}

TEST_F(Answers, RefusesTheAnswerOfAnotherActivation) {
  Invocation mine = invoke("abc"), other = invoke("abc");
  refuses(mine, answer(other, "abc").done, "gateway.answer.header");
}

TEST_F(Answers, RefusesTheAnswerOfAnotherChain) {
  Invocation mine = invoke("abc"), other = invoke("cba");
  FakeAnswers answers = answer(other, "cba");
  answers.header.activation = mine.activation();
  refuses(mine, world.kms.functions("cba").seal_answer(answers.header, answers.payload),
          "gateway.answer.header");
}

TEST_F(Answers, RefusesAnotherChainsAnswerUnderThisChainsHeader) {
  Invocation mine = invoke("abc"), other = invoke("cba");
  const FakeAnswers genuine = answer(mine, "abc"), foreign = answer(other, "cba");
  refuses(mine, world.kms.functions("cba").seal_answer(genuine.header, foreign.payload),
          "crypto.aes256gcm.tag");
}

TEST_F(Answers, RefusesEveryChangedByte) {
  Invocation invocation = invoke("a");
  const Bytes done = answer(invocation, "a").done;
  for (std::size_t i = 0; i < done.size(); i += i < wire::kHeaderSize ? 1 : 97) {
    Bytes changed = done;
    changed[i] ^= 1;
    EXPECT_FALSE(invocation.finish(changed, kNow)) << i;
  }
}

TEST_F(Answers, RefusesTruncatedAnswers) {
  Invocation invocation = invoke("a");
  const Bytes done = answer(invocation, "a").done;
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, wire::kHeaderSize, done.size() - 1})
    EXPECT_FALSE(invocation.finish(ByteView(done).first(size), kNow)) << size;
}

TEST_F(Answers, RefusesAnIntermediateResultAsTheFinalOne) {
  Invocation invocation = invoke("abc");
  FakeAnswers answers = answer(invocation, "abc");
  answers.payload.receipts.resize(1);
  answers.payload.log_digests.resize(1);
  // Step 0 holds edge 1 only.
  refuses(invocation, wire::seal(answers.header, world.kms.functions("abc").edge(1), answers.payload),
          "crypto.aes256gcm.tag");
}

TEST_F(Answers, RefusesAnEndUnderAnotherStepsKey) {
  Invocation invocation = invoke("abc");
  const FakeAnswers answers = answer(invocation, "abc", fail_at_1);
  refuses(invocation, wire::seal(answers.header, world.kms.functions("abc").return_key(0), answers.payload),
          "crypto.aes256gcm.tag");
}

TEST_F(Answers, RefusesAnEndAtAnotherStep) {
  bent([](FakeAnswers& answers) { answers.header.step = 0; }, "gateway.receipt.count", fail_at_1);
}

TEST_F(Answers, RefusesItsOwnRequestAndEventsAsAnswers) {
  Invocation invocation = invoke("a");
  const Bytes request = to_bytes(invocation.envelope());
  refuses(invocation, request, "gateway.answer.header");
  refuses(invocation, answer(invocation, "a").events[0], "gateway.answer.kind");
}

TEST_F(Answers, RefusesAnotherDeadline) {
  bent([](FakeAnswers& answers) { answers.header.deadline_unix_ms += 1; }, "gateway.answer.header");
}

TEST_F(Answers, RefusesMissingReceipts) {
  bent([](FakeAnswers& answers) { answers.payload.receipts.pop_back(); }, "gateway.receipt.count");
}
TEST_F(Answers, RefusesMissingLogDigests) {
  bent([](FakeAnswers& answers) { answers.payload.log_digests.pop_back(); }, "gateway.receipt.count");
}
TEST_F(Answers, RefusesReceiptsInAnotherOrder) {
  bent([](FakeAnswers& answers) { std::swap(answers.payload.receipts[0], answers.payload.receipts[1]); },
       "gateway.receipt.step");
}
TEST_F(Answers, RefusesAForgedReceipt) {
  bent([](FakeAnswers& answers) { answers.payload.receipts[1].cpu_ns += 1; }, "gateway.receipt.mac");
}
TEST_F(Answers, RefusesAReceiptOfAnotherActivation) {
  Invocation other = invoke("abc");
  const FakeAnswers foreign = answer(other, "abc");
  bent([&](FakeAnswers& answers) { answers.payload.receipts[1] = foreign.payload.receipts[1]; },
       "gateway.receipt.mac");
}
TEST_F(Answers, RefusesABodyThatNoReceiptVouchesFor) {
  bent([](FakeAnswers& answers) { answers.payload.body.push_back(' '); }, "gateway.receipt.output");
}
TEST_F(Answers, RefusesAnotherBlindingKey) {
  bent([](FakeAnswers& answers) { answers.payload.blinding = crypto::random_key(); },
       "gateway.receipt.blinding");
}

TEST_F(Answers, RefusesStepsThatDoNotMeet) {
  Invocation invocation = invoke("abc");
  FakeAnswers answers = answer(invocation, "abc");
  wire::Header header = wire::decode_header(invocation.envelope()).value();
  header.step = 1;
  const wire::ReceiptEntry& old = answers.payload.receipts[1];
  answers.payload.receipts[1] = wire::make_receipt(
      world.kms.functions("abc").return_key(1), header, answers.payload.blinding, old.function, old.image,
      old.code, as_bytes("other input"), as_bytes("other output"), 1);
  refuses(invocation, world.kms.functions("abc").seal_answer(answers.header, answers.payload),
          "gateway.receipt.input");
}

TEST_F(Answers, RefusesEventsOfOtherActivationsAndSecondOnes) {
  Invocation mine = invoke("abc"), other = invoke("abc");
  EXPECT_FALSE(mine.take_event(answer(other, "abc").events[0]));
  const FakeAnswers answers = answer(mine, "abc");
  EXPECT_TRUE(mine.take_event(answers.events[0]));
  EXPECT_FALSE(mine.take_event(answers.events[0]));
  EXPECT_FALSE(mine.take_event(answers.done));
}

TEST_F(Answers, ShowsAForeignOrMissingLogAsSuch) {
  Invocation invocation = invoke("a");
  const FakeAnswers first = answer(invocation, "a");
  const FakeAnswers rerun = answer(invocation, "a", [](std::size_t step, const wire::Payload& input) {
    FakeReply reply = echo(step, input);
    reply.log = "another run's log\n";
    return reply;
  });
  EXPECT_TRUE(invocation.take_event(rerun.events[0]));
  auto finished = invocation.finish(first.done, kNow + 5);
  ASSERT_TRUE(finished);
  EXPECT_EQ(as_text(finished->record.log),
            "stderr: the platform did not deliver the log of this activation\n");
}

TEST_F(Answers, RecordsNoResultOfAnotherRunOfAStep) {
  Invocation invocation = invoke("abc");
  const FakeAnswers first = answer(invocation, "abc");
  const FakeAnswers rerun = answer(invocation, "abc", [](std::size_t, const wire::Payload&) {
    return FakeReply{.body = to_bytes(std::string_view(R"({"other":"run"})"))};  // the log is the same
  });
  EXPECT_TRUE(invocation.take_event(rerun.events[1]));
  auto finished = invocation.finish(first.done, kNow + 5);
  ASSERT_TRUE(finished);
  EXPECT_EQ(as_text(finished->components[1].result), "{}");
  EXPECT_EQ(as_text(finished->components[1].log),
            "stderr: the platform did not deliver the log of this activation\n");
}

TEST_F(Answers, ResultWithTopLevelErrorIsAnApplicationErrorWhateverItsKind) {
  Invocation invocation = invoke("a");
  auto finished =
      invocation.finish(answer(invocation, "a",
                               [](std::size_t, const wire::Payload&) {
                                 return FakeReply{.body = to_bytes(std::string_view(R"({"error":1})"))};
                               })
                            .done,
                        kNow);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->record.status, ActivationStatus::kApplicationError);
}

TEST_F(Answers, ResultThatIsNotJsonIsADeveloperError) {
  Invocation invocation = invoke("a");
  auto finished = invocation.finish(answer(invocation, "a",
                                           [](std::size_t, const wire::Payload&) {
                                             return FakeReply{.body = to_bytes(std::string_view("{]"))};
                                           })
                                        .done,
                                    kNow);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->record.status, ActivationStatus::kDeveloperError);
}

TEST_F(Answers, ClaimedTimesStayWithinWhatTheGatewaySaw) {
  Invocation invocation = invoke("a");
  const FakeAnswers answers = answer(invocation, "a");  // claims to start at the deadline
  EXPECT_TRUE(invocation.take_event(answers.events[0]));
  auto finished = invocation.finish(answers.done, kNow + 5);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->record.end_unix_ms, kNow + 5);
}

TEST_F(Answers, SealedRecordsOpenForTheirOwnerIdAndStateAlone) {
  Invocation invocation = invoke("a");
  wire::StoredRecord stored = seal_record(invocation.pending(), wire::RecordState::kPending, *world.owner());
  EXPECT_TRUE(open_record(stored, *world.owner()));
  EXPECT_FALSE(open_record(stored, *world.view.snapshot()->find_namespace("other")));
  stored.state = wire::RecordState::kFinished;
  EXPECT_FALSE(open_record(stored, *world.owner()));
  stored.state = wire::RecordState::kPending;
  stored.activation.bytes[0] ^= 1;
  EXPECT_FALSE(open_record(stored, *world.owner()));
}

}  // namespace
}  // namespace clemmys::gateway
