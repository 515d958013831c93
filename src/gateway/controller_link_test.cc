// The controller's side of the connection is the host's: what it may do to the link, and that nothing of it
// does more than end runs.
#include "gateway/controller_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <optional>

#include "kms/testing/test_kms.h"
#include "wire/frame.h"

namespace clemmys::gateway {
namespace {

struct Listener final : RunListener {
  void on_event(ByteView) override { ++events; }
  void on_end(wire::ControllerFrame type, ByteView) override { ends.push_back(type); }
  bool on_tick(std::uint64_t) override { return in_time; }
  int events = 0;
  bool in_time = true;
  std::vector<wire::ControllerFrame> ends;
};

// LinkTest holds a link on a loop that the test turns, and the peer's end of the connection.
class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().c_str(), path().size() + 1);
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
          ::listen(listener_, 4) == 0);
    link.emplace(loop, path(), time_, metrics);
    const Status connected = link->connect();
    CHECK(connected);
    accept();
  }
  ~LinkTest() override {
    link->close();
    turn();
    ::close(peer);
    ::close(listener_);
  }
  std::string path() const { return folder_.path() + "/c.sock"; }
  void accept() { peer = ::accept(listener_, nullptr, nullptr); }
  void turn() {
    loop.restart();
    loop.run_for(std::chrono::milliseconds(30));
  }
  std::uint64_t number_of_next(wire::ControllerFrame type) {
    turn();
    const wire::Frame frame = wire::read_frame(peer).value();
    EXPECT_EQ(frame.type, static_cast<std::uint8_t>(type));
    return Reader(frame.body).u64();
  }
  void reply(wire::ControllerFrame type, std::uint64_t number, ByteView body = {}) {
    Writer writer;
    writer.u64(number);
    writer.raw(body);
    EXPECT_TRUE(wire::write_frame(peer, static_cast<std::uint8_t>(type), writer.bytes()));
    turn();
  }
  std::shared_ptr<Listener> run() {
    auto listener = std::make_shared<Listener>();
    EXPECT_TRUE(link->run(NamespaceId(), as_bytes("envelope"), listener));
    return listener;
  }
  std::shared_ptr<std::optional<Result<Bytes>>> call() {
    auto slot = std::make_shared<std::optional<Result<Bytes>>>();
    spawn([](SocketControllerLink& to, std::shared_ptr<std::optional<Result<Bytes>>> out) -> Task<void> {
      out->emplace(co_await to.call(wire::ControllerFrame::kStatus, {}));
    }(*link, slot));
    return slot;
  }

  boost::asio::io_context loop{1};
  Metrics metrics;
  std::optional<SocketControllerLink> link;
  int peer = -1;

 private:
  kms::testing::TemporaryFolder folder_;
  FakeClock clock_{1'800'000'000'000};
  TimeSource time_{clock_};
  int listener_ = -1;
};

TEST_F(LinkTest, AnswersFindTheirCallersInAnyOrder) {
  auto first = call(), second = call();
  const std::uint64_t first_number = number_of_next(wire::ControllerFrame::kStatus);
  const std::uint64_t second_number = number_of_next(wire::ControllerFrame::kStatus);
  reply(wire::ControllerFrame::kOk, second_number, as_bytes("2"));
  EXPECT_FALSE(first->has_value());
  EXPECT_EQ(as_text((*second)->value()), "2");
  reply(wire::ControllerFrame::kOk, first_number, as_bytes("1"));
  EXPECT_EQ(as_text((*first)->value()), "1");
}

TEST_F(LinkTest, FramesOfOneTurnLeaveInOrder) {
  link->notify(wire::ControllerFrame::kPutRecord, to_bytes(std::string_view("pending")));
  run();
  EXPECT_LT(number_of_next(wire::ControllerFrame::kPutRecord), number_of_next(wire::ControllerFrame::kRun));
}

TEST_F(LinkTest, OnlyTheFirstEndOfARunCounts) {
  auto listener = run();
  const std::uint64_t number = number_of_next(wire::ControllerFrame::kRun);
  reply(wire::ControllerFrame::kEvent, number);
  reply(wire::ControllerFrame::kDone, number);
  reply(wire::ControllerFrame::kFailed, number);
  reply(wire::ControllerFrame::kEvent, number);
  EXPECT_EQ(listener->ends, std::vector{wire::ControllerFrame::kDone});
  EXPECT_EQ(listener->events, 1);
}

TEST_F(LinkTest, IgnoresNumbersItDidNotGiveAndUnknownFrames) {
  auto listener = run();
  auto waiting = call();
  const std::uint64_t number = number_of_next(wire::ControllerFrame::kRun);
  for (auto type : {wire::ControllerFrame::kDone, wire::ControllerFrame::kOk, wire::ControllerFrame::kError,
                    wire::ControllerFrame::kEvent, static_cast<wire::ControllerFrame>(77)})
    reply(type, number + 1000);
  reply(wire::ControllerFrame::kOk, number);  // a run is not a call
  EXPECT_TRUE(
      wire::write_frame(peer, static_cast<std::uint8_t>(wire::ControllerFrame::kDone), as_bytes("short")));
  turn();
  EXPECT_TRUE(listener->ends.empty());
  EXPECT_FALSE(waiting->has_value());
}

TEST_F(LinkTest, BrokenFramingEndsEverythingThatWaits) {
  auto listener = run();
  auto waiting = call();
  turn();
  const std::uint8_t kZeroLength[4] = {0, 0, 0, 0};
  EXPECT_EQ(::send(peer, kZeroLength, sizeof kZeroLength, 0), 4);
  turn();
  EXPECT_EQ(listener->ends, std::vector{wire::ControllerFrame::kFailed});
  ASSERT_TRUE(waiting->has_value());
  EXPECT_EQ((*waiting)->error().code, ErrorCode::kUnavailable);
}

TEST_F(LinkTest, ComesBackAfterTheControllerWentAwayAndRunsNothingAgain) {
  auto listener = run();
  turn();
  const std::string away = path() + ".away";
  std::filesystem::rename(path(), away);
  ::close(peer);
  turn();
  EXPECT_EQ(listener->ends.size(), 1u);
  EXPECT_FALSE(link->run(NamespaceId(), as_bytes("envelope"), std::make_shared<Listener>()));
  std::filesystem::rename(away, path());
  for (int tries = 0; tries < 100 && metrics.controller_reconnects.value() == 0; ++tries) turn();
  accept();
  auto again = run();
  reply(wire::ControllerFrame::kDone, number_of_next(wire::ControllerFrame::kRun));
  EXPECT_EQ(again->ends.size(), 1u);
  EXPECT_EQ(metrics.controller_reconnects.value(), 1u);
}

TEST_F(LinkTest, RecordsThatWereNotAcknowledgedAreSentAgainInOrderAndOthersAreNot) {
  for (const std::string_view text : {"first", "second", "third"})
    link->notify(wire::ControllerFrame::kPutRecord, to_bytes(text));
  reply(wire::ControllerFrame::kOk, number_of_next(wire::ControllerFrame::kPutRecord));
  ::close(peer);
  turn();
  link->notify(wire::ControllerFrame::kPutRecord, to_bytes(std::string_view("while it was away")));
  loop.restart();
  loop.run_for(std::chrono::milliseconds(1200));  // a tick
  accept();
  turn();
  for (const std::string_view text : {"second", "third", "while it was away"}) {
    const wire::Frame frame = wire::read_frame(peer).value();
    EXPECT_EQ(as_text(ByteView(frame.body).subspan(8)), text);
  }
  EXPECT_EQ(metrics.records_unstored.value(), 0u);
}

// An outage under load leaves tens of thousands: whoever loses the gateway right after it loses what is not
// sent.
TEST_F(LinkTest, TensOfThousandsOfRecordsAreSentAgainWithoutDelay) {
  const std::string away = path() + ".away";
  std::filesystem::rename(path(), away);
  ::close(peer);
  turn();
  for (int i = 0; i < 40'000; ++i) link->notify(wire::ControllerFrame::kPutRecord, Bytes(1'000));
  std::filesystem::rename(away, path());
  const auto begin = std::chrono::steady_clock::now();
  for (int tries = 0; tries < 100 && metrics.controller_reconnects.value() == 0; ++tries) turn();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  accept();
  turn();
  EXPECT_EQ(wire::read_frame(peer).value().body.size(), 8u + 1'000u);
}

TEST_F(LinkTest, RecordsThatNobodyTakesAreBounded) {
  ::close(peer);
  turn();
  for (int i = 0; i < 80; ++i) link->notify(wire::ControllerFrame::kPutRecord, Bytes(1u << 20));
  EXPECT_EQ(metrics.records_unstored.value(), 80u - 64u);
}

TEST_F(LinkTest, SaysWhenWhatWasGivenIsOutOfTheProcess) {
  bool sent = false;
  link->notify(wire::ControllerFrame::kPutRecord, to_bytes(std::string_view("record")));
  link->when_sent([&] { sent = true; });
  EXPECT_FALSE(sent);
  turn();
  EXPECT_TRUE(sent);
  EXPECT_EQ(as_text(ByteView(wire::read_frame(peer).value().body).subspan(8)), "record");
}

TEST_F(LinkTest, RunsOverTheirDeadlineEndAsTimedOut) {
  auto listener = run();
  listener->in_time = false;
  loop.restart();
  loop.run_for(std::chrono::milliseconds(1200));
  EXPECT_EQ(listener->ends, std::vector{wire::ControllerFrame::kFailed});
}

}  // namespace
}  // namespace clemmys::gateway
