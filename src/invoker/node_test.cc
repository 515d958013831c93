// The node as gateways and instances see it.
#include <signal.h>
#include <sys/wait.h>

#include "invoker/testing/node_fixture.h"
#include "wire/padding.h"

namespace clemmys::invoker {
namespace {

// children: every thread's, as /proc lists them.
std::vector<pid_t> children() {
  std::vector<pid_t> all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream list(task.path() / "children");
    for (pid_t child; list >> child;) all.push_back(child);
  }
  return all;
}
std::size_t children_of_this_process() { return children().size(); }
void kill_children_of_this_process() {
  for (const pid_t child : children()) {
    ::kill(child, SIGKILL);
    siginfo_t end{};
    ::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT);
  }
}

TEST_F(NodeTest, WarmInstanceIsReusedAndTheEnvelopeArrivesUnchanged) {
  start();
  deploy("echo");
  for (int i = 0; i < 20; ++i) {
    const Bytes sent = envelope("echo");
    const Answer answer = run(sent);
    ASSERT_EQ(answer.type, ControllerFrame::kDone);
    EXPECT_EQ(answer.number, 42u);
    EXPECT_TRUE(std::ranges::equal(ByteView(answer.body).subspan(wire::kHeaderSize),
                                   ByteView(sent).subspan(wire::kHeaderSize)));
  }
  const auto now = status();
  EXPECT_EQ(now.at("counters").at("cold_starts").to_number<int>(), 1);
  EXPECT_EQ(now.at("counters").at("done").to_number<int>(), 20);
  EXPECT_TRUE(now.at("latest_cold_starts").as_array().at(0).at("total_ms").is_double());
}

TEST_F(NodeTest, ObservedEnvelopesAreThoseThatPassed) {
  options.observe_directory = options.state_directory + "-observed";
  start();
  deploy("echo");
  const Bytes sent = envelope("echo");
  const Answer answer = run(sent);
  const auto observed = [&](const char* name) {
    std::ifstream file(options.observe_directory + name, std::ios::binary);
    return Bytes{std::istreambuf_iterator<char>(file), {}};
  };
  EXPECT_EQ(observed("/0001.envelope"), sent);
  EXPECT_EQ(observed("/0002.envelope"), answer.body);
}

TEST_F(NodeTest, LargeEnvelopesOfAChainArriveUnchanged) {
  start();
  deploy("echo");
  const Bytes sent = envelope("echo", 10, wire::padme(3'000'000));
  const Answer answer = run(sent);
  ASSERT_EQ(answer.type, ControllerFrame::kDone);
  EXPECT_TRUE(std::ranges::equal(ByteView(answer.body).subspan(wire::kHeaderSize),
                                 ByteView(sent).subspan(wire::kHeaderSize)));
}

TEST_F(NodeTest, ManyPipelinedRequestsAreAllAnswered) {
  start();
  deploy("echo");
  for (std::uint64_t i = 0; i < 200; ++i) send_run(i, envelope("echo", 3));
  std::vector<bool> seen(200);
  for (int i = 0; i < 200; ++i) {
    const Answer answer = receive();
    ASSERT_EQ(answer.type, ControllerFrame::kDone);
    seen.at(answer.number) = true;
  }
  EXPECT_EQ(std::ranges::count(seen, true), 200);
}

TEST_F(NodeTest, DeadInstanceIsAPlatformError) {
  start();
  const auto error = failure("die");
  EXPECT_EQ(error.code, PlatformErrorCode::kFunctionDied);
  EXPECT_EQ(error.text, "its process exited with code 3");
}

TEST_F(NodeTest, WhatThePlatformOrASignalEndedIsNotTheFunctionsFault) {
  start();
  EXPECT_EQ(failure("platform failed").code, PlatformErrorCode::kInstanceDied);
  EXPECT_EQ(failure("killed").code, PlatformErrorCode::kInstanceDied);
}

TEST_F(NodeTest, InstanceThatRetiresIsEndedAfterItsAnswer) {
  start();
  deploy("retire");
  EXPECT_EQ(run(envelope("retire")).type, ControllerFrame::kDone);
  EXPECT_EQ(status().at("instances").to_number<int>(), 0);
}

TEST_F(NodeTest, InstanceThatDiesAtStartIsAPlatformError) {
  start();
  EXPECT_EQ(failure("die at start").code, PlatformErrorCode::kStartFailed);
}

TEST_F(NodeTest, TimeoutKillsTheInstance) {
  start();
  EXPECT_EQ(failure("hang", 100).code, PlatformErrorCode::kTimeout);
  EXPECT_EQ(status().at("instances").to_number<int>(), 0);
}

TEST_F(NodeTest, StartThatHangsIsKilled) {
  options.limits.start_timeout_ms = 100;
  start();
  EXPECT_EQ(failure("hang at start").code, PlatformErrorCode::kStartFailed);
}

TEST_F(NodeTest, MisbehavingInstancesAreKilledAndTheNodeServesOn) {
  start();
  EXPECT_EQ(failure("foreign").code, PlatformErrorCode::kFunctionDied);
  EXPECT_EQ(failure("oversize").code, PlatformErrorCode::kFunctionDied);
  deploy("flood");
  EXPECT_EQ(run(envelope("flood")).type, ControllerFrame::kDone);
  deploy("echo");
  EXPECT_EQ(run(envelope("echo")).type, ControllerFrame::kDone);
  EXPECT_EQ(status().at("counters").at("stopped_for_misbehaviour").to_number<int>(), 2);
}

TEST_F(NodeTest, AProcessThatHoldsTooMuchMemoryIsKilled) {
  start();
  EXPECT_EQ(failure("greedy", 60'000).code, PlatformErrorCode::kOverMemory);
}

TEST_F(NodeTest, AProcessThatEndsForWantOfMemoryIsSaidTo) {
  start();
  EXPECT_EQ(failure("no memory").code, PlatformErrorCode::kOverMemory);
}

TEST_F(NodeTest, AProcessThatHoldsTooMuchOfTheKernelsMemoryIsKilled) {
  start();
  EXPECT_EQ(failure("tables", 60'000).code, PlatformErrorCode::kOverMemory);
  EXPECT_EQ(failure("threads", 60'000).code, PlatformErrorCode::kOverMemory);
}

TEST_F(NodeTest, AProcessThatClosesItsLinkAndLivesOnIsEnded) {
  start();
  EXPECT_EQ(failure("closes its link", 60'000).code, PlatformErrorCode::kFunctionDied);
}

TEST_F(NodeTest, ProcessesStartedAheadServeTheNextInstancesAndEndWithTheNode) {
  options.host.prewarmed = 2;
  start();
  deploy("echo");
  const auto ahead = [&] { return children_of_this_process(); };
  for (int i = 0; i < 500 && ahead() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(ahead(), 2u);
  EXPECT_EQ(run(envelope("echo")).type, ControllerFrame::kDone);
  EXPECT_EQ(run(envelope("echo")).type, ControllerFrame::kDone);
  for (int i = 0; i < 500 && ahead() < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(ahead(), 3u) << "the one that was taken, and two that wait";
  stop();
  EXPECT_EQ(ahead(), 0u);
}

TEST_F(NodeTest, AProcessThatDiedWhileItWaitedIsNotUsed) {
  options.host.prewarmed = 1;
  start();
  deploy("echo");
  for (int i = 0; i < 500 && children_of_this_process() < 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  kill_children_of_this_process();
  EXPECT_EQ(run(envelope("echo")).type, ControllerFrame::kDone);
}

TEST_F(NodeTest, RefusalIsAPlatformErrorWithACleanSite) {
  start();
  const auto error = failure("refuse");
  EXPECT_EQ(error.code, PlatformErrorCode::kRefused);
  EXPECT_EQ(error.text, "corrupt at test.refused?");
}

TEST_F(NodeTest, UnknownImageIsABadImage) {
  start();
  const Answer answer = run(envelope("never deployed"));
  ASSERT_EQ(answer.type, ControllerFrame::kFailed);
  EXPECT_EQ(wire::decode_platform_error(answer.body)->code, PlatformErrorCode::kBadImage);
}

TEST_F(NodeTest, KmsFramesAreRelayedInOrder) {
  const EchoKms kms(options.kms_socket);
  start();
  deploy("kms");
  EXPECT_EQ(run(envelope("kms")).type, ControllerFrame::kDone);
  stop();
}

TEST_F(NodeTest, AnInstanceIsNoOperatorOfTheKms) {
  const EchoKms kms(options.kms_socket);
  start();
  EXPECT_EQ(failure("claim").text, "it asked the KMS what only an operator may");
  stop();
}

TEST_F(NodeTest, AnInstanceHasOneSessionWithTheKms) {
  const EchoKms kms(options.kms_socket);
  start();
  EXPECT_EQ(failure("two sessions").text, "it asked for a second session with the KMS");
  stop();
}

TEST_F(NodeTest, AbsentKmsIsARefusalNotAHang) {
  start();
  EXPECT_EQ(failure("kms").text, "its process exited with code 4");
}

TEST_F(NodeTest, HostProcessGetsNothingButItsLink) {
  start();
  testing::internal::CaptureStderr();
  deploy("surroundings");
  EXPECT_EQ(run(envelope("surroundings")).type, ControllerFrame::kDone);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(
      log.find("instance 1: surroundings: 0 1 2 3 variables 0 core 0 no-new-privileges 1 death-signal 9"),
      std::string::npos)
      << log;
}

TEST_F(NodeTest, MalformedFrameEndsTheConnectionOnly) {
  start();
  const int other = *wire::connect_unix(options.controller_socket);
  ASSERT_TRUE(wire::write_frame(other, std::to_underlying(ControllerFrame::kRun), as_bytes("1234")));
  EXPECT_FALSE(wire::read_frame(other));
  ::close(other);
  send(ControllerFrame{77}, 5, {});
  const Answer refused = receive();
  EXPECT_EQ(refused.type, ControllerFrame::kError);
  EXPECT_EQ(refused.number, 5u);
}

TEST_F(NodeTest, RecordsGoToTheStoreAndBack) {
  start();
  wire::StoredRecord record;
  record.activation.bytes[0] = 9;
  record.start_unix_ms = 5;
  record.expires_unix_ms = ~0ull;
  record.state = wire::RecordState::kFinished;
  record.sealed = to_bytes("ciphertext");
  Writer writer;
  wire::write(writer, record);
  send(ControllerFrame::kPutRecord, 1, writer.bytes());
  EXPECT_EQ(receive().type, ControllerFrame::kOk);
  send(ControllerFrame::kListRecords, 2, wire::encode(wire::ListRecords{}));
  const Answer listed = receive();
  ASSERT_EQ(listed.type, ControllerFrame::kRecords);
  Reader reader(listed.body);
  EXPECT_EQ(reader.u32(), 1u);
  EXPECT_EQ(as_text(wire::read_stored_record(reader).sealed), "ciphertext");
  send(ControllerFrame::kCountRecords, 3, wire::encode(wire::ListRecords{}));
  EXPECT_EQ(receive().body, (Bytes{1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST_F(NodeTest, StartOfAScriptTakesAPrewarmedInstance) {
  options.generic = {image("generic"), to_bytes("generic"), 1};
  start();
  const auto was_quick = [&](std::uint8_t chain) {
    EXPECT_EQ(run(with_chain(envelope("generic"), chain)).type, ControllerFrame::kDone);
    return status().at("latest_cold_starts").as_array().back().at("total_ms").as_double() == 0;
  };
  // Until one is ready starts are ordinary ones; then they are not, again and again.
  std::uint8_t chain = 1;
  for (int quick = 0; quick < 2 && chain < 100; ++chain) {
    if (was_quick(chain)) ++quick;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_LT(chain, 100);
}

TEST_F(NodeTest, PrewarmedInstanceThatSpeaksTooEarlyIsNotUsed) {
  options.generic = {image("early"), to_bytes("early"), 1};
  start();
  for (std::uint8_t chain = 1; chain < 10; ++chain) {
    EXPECT_EQ(run(with_chain(envelope("early"), chain)).type, ControllerFrame::kDone);
    EXPECT_GT(status().at("latest_cold_starts").as_array().back().at("total_ms").as_double(), 0);
  }
}

// An instance of 128 MiB takes 177 MiB with its image and process, one that waits takes 65.
TEST_F(NodeTest, PrewarmedInstancesTakeTheirPartOfTheLimits) {
  options.limits.memory_mib_max = 241;
  options.generic = {image("generic"), to_bytes("generic"), 1};
  start();
  EXPECT_EQ(failure("generic").code, PlatformErrorCode::kNoCapacity);
  stop();
  options.limits.memory_mib_max = 242;
  start();
  EXPECT_EQ(run(envelope("generic")).type, ControllerFrame::kDone);
  stop();
  options.limits.memory_mib_max = 65;
  EXPECT_FALSE(Node::open(options));
}

TEST_F(NodeTest, InstanceGetsSealedCodeFromTheStore) {
  start();
  EXPECT_EQ(failure("blob").text, "its process exited with code 6");  // there is none yet
  Bytes blob(32, 7);
  blob.push_back('x');
  send(ControllerFrame::kPutBlob, 1, blob);
  ASSERT_EQ(receive().type, ControllerFrame::kOk);
  EXPECT_EQ(run(envelope("blob")).type, ControllerFrame::kDone);
}

TEST_F(NodeTest, InstanceMayAskForOneBlobAtATime) {
  start();
  EXPECT_EQ(failure("two blobs").text, "it asked for two blobs at once");
}

TEST_F(NodeTest, StopAnswersWhatRunsAndEndsEveryProcess) {
  start();
  deploy("hang");
  send_run(1, envelope("hang"));
  while (status().at("counters").at("handed_over").to_number<int>() == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::thread stopping([this] { stop(); });
  const auto frame = wire::read_frame(gateway);
  stopping.join();
  ASSERT_TRUE(frame);
  EXPECT_EQ(static_cast<ControllerFrame>(frame->type), ControllerFrame::kFailed);
  EXPECT_EQ(wire::decode_platform_error(ByteView(frame->body).subspan(8))->code,
            PlatformErrorCode::kShutdown);
}

}  // namespace
}  // namespace clemmys::invoker
