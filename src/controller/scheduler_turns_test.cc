// Namespaces take turns: a simulation of a machine that is too small for what one of them sends.
#include <algorithm>
#include <functional>
#include <map>

#include "controller/testing/scheduler_fixture.h"

namespace clemmys::controller {
namespace {

constexpr std::uint8_t kFlood = 1, kNeighbour = 2, kThird = 3;

// TurnsTest plays instances that start in 20 ms and take a fixed time per envelope, in steps of a
// millisecond.
class TurnsTest : public SchedulerTest {
 protected:
  struct Played {
    std::uint64_t due_ms = 0;
    bool is_ready = false;
    std::optional<Header> at_work;
  };

  std::uint64_t now_ms = 0, start_ms = 20, work_ms = 10;
  std::uint64_t next_number = 1;
  std::map<std::uint64_t, std::pair<std::uint8_t, std::uint64_t>> sent;  // number: owner, when
  std::map<std::uint8_t, std::vector<std::uint64_t>> waits_ms;           // by owner: from sent to answered
  std::map<std::uint8_t, int> refused;

  // send gives an activation to a function of a namespace; functions of different namespaces differ.
  void send(std::uint8_t owner, std::uint8_t function = 0) {
    Header header = request(0, 1, static_cast<std::uint8_t>(owner * 16 + function));
    for (std::size_t i = 0; i < 8; ++i)
      header.activation.bytes[i] = static_cast<std::uint8_t>(next_number >> (8 * i));
    header.deadline_unix_ms = clock.unix_ms() + 60'000;
    header.timeout_ms = 60'000;
    sent[next_number] = {owner, now_ms};
    run(next_number++, header, owner);
  }

  void play(std::uint64_t ms, const std::function<void()>& each_ms) {
    for (std::uint64_t end = now_ms + ms; now_ms < end; ++now_ms) {
      each_ms();
      step();
      clock.advance_ms(1);
    }
  }

 private:
  void step() {
    for (; known_ < invoker.started.size(); ++known_)
      played_[std::to_underlying(invoker.started[known_])].due_ms = now_ms + start_ms;
    for (; ended_ < invoker.stopped.size(); ++ended_)
      played_.erase(std::to_underlying(invoker.stopped[ended_]));
    for (; given_ < invoker.runs.size(); ++given_) {
      Played& instance = played_[std::to_underlying(invoker.runs[given_].instance)];
      instance.at_work = invoker.runs[given_].header;
      instance.due_ms = now_ms + work_ms;
    }
    std::vector<std::uint64_t> due;
    for (const auto& [id, instance] : played_) {
      if ((!instance.is_ready || instance.at_work) && instance.due_ms <= now_ms) due.push_back(id);
    }
    for (const std::uint64_t id : due) {
      Played& instance = played_[id];
      if (!std::exchange(instance.is_ready, true)) {
        ready(InstanceId{id});
      } else {
        const Header done = *std::exchange(instance.at_work, std::nullopt);
        output(InstanceId{id}, result_of(done));
      }
    }
    if (now_ms % 5 == 0) scheduler->tick();
    for (const std::uint64_t number : std::exchange(answers.finished, {})) {
      const auto [owner, when] = sent.at(number);
      waits_ms[owner].push_back(now_ms - when);
      sent.erase(number);
    }
    for (const auto& [number, error] : std::exchange(answers.failures, {})) {
      ++refused[sent.at(number).first];
      sent.erase(number);
    }
  }

  std::map<std::uint64_t, Played> played_;
  std::size_t known_ = 0, ended_ = 0, given_ = 0;
};

TEST_F(TurnsTest, AFloodLeavesRoomForANeighboursFirstRequest) {
  limits.instances_max = 8;
  limits.starting_max = 8;
  make();
  work_ms = 5'000;
  for (int i = 0; i < 40; ++i) send(kFlood, static_cast<std::uint8_t>(i % 16));
  play(200, [] {});
  work_ms = 10;
  send(kNeighbour);
  play(100, [] {});
  ASSERT_EQ(waits_ms[kNeighbour].size(), 1u);
  EXPECT_LE(waits_ms[kNeighbour][0], 60u);
}

TEST_F(TurnsTest, TwoNamespacesShareOneInstanceEvenly) {
  limits.instances_max = 1;
  make();
  int number = 0;
  play(20'000, [&] {
    send(kFlood);                              // ten times what fits
    if (number++ % 20 == 0) send(kNeighbour);  // half of what fits
  });
  const std::size_t all = waits_ms[kFlood].size() + waits_ms[kNeighbour].size();
  EXPECT_GE(waits_ms[kNeighbour].size(), all * 4 / 10);
  EXPECT_EQ(refused[kNeighbour], 0);
}

TEST_F(TurnsTest, ANeighbourOfAFloodIsServedSoonAndCompletely) {
  limits.instances_max = 4;
  limits.waiting_max = 200;
  limits.waiting_per_function_max = 1'000;
  make();
  int number = 0;
  play(20'000, [&] {
    for (std::uint8_t i = 0; i < 8; ++i) send(kFlood, i);  // 20 times what fits
    if (number++ % 100 == 0) send(kNeighbour);
  });
  std::vector<std::uint64_t>& waits = waits_ms[kNeighbour];
  EXPECT_EQ(refused[kNeighbour], 0);
  EXPECT_GT(refused[kFlood], 1'000);
  ASSERT_GE(waits.size(), 195u);
  std::ranges::sort(waits);
  EXPECT_LE(waits[waits.size() / 2], 50u);
  EXPECT_LE(waits.back(), 400u);
  RecordProperty("neighbour_median_ms", static_cast<int>(waits[waits.size() / 2]));
  RecordProperty("neighbour_max_ms", static_cast<int>(waits.back()));
}

TEST_F(TurnsTest, ThreeFloodsGetAThirdEach) {
  limits.instances_max = 3;
  limits.waiting_max = 300;
  make();
  play(20'000, [&] {
    for (const std::uint8_t owner : {kFlood, kNeighbour, kThird}) {
      for (std::uint8_t i = 0; i < owner; ++i) send(owner, i);  // one, two and three functions
    }
  });
  const std::size_t all = waits_ms[kFlood].size() + waits_ms[kNeighbour].size() + waits_ms[kThird].size();
  for (const std::uint8_t owner : {kFlood, kNeighbour, kThird})
    EXPECT_NEAR(static_cast<double>(waits_ms[owner].size()) / static_cast<double>(all), 1.0 / 3, 0.05)
        << int{owner};
}

TEST_F(TurnsTest, FunctionsOfOneNamespaceTakeTurnsToo) {
  limits.instances_max = 1;
  make();
  int number = 0;
  play(5'000, [&] {
    if (number % 5 == 0) send(kFlood, 0);  // twice what fits
    if (number++ % 1'000 == 0) send(kFlood, 1);
  });
  const auto late =
      std::ranges::count_if(sent, [&](const auto& each) { return now_ms - each.second.second > 4'000; });
  EXPECT_EQ(late, 0) << "what was sent at first has not been answered";
}

TEST_F(TurnsTest, TheLongestQueueGivesWay) {
  limits.waiting_max = 10;
  make();
  for (int i = 0; i < 12; ++i) send(kFlood);
  EXPECT_EQ(answers.failures.size(), 2u);
  send(kNeighbour);
  ASSERT_EQ(answers.failures.size(), 3u);
  EXPECT_EQ(answers.failures[2].first, 10u) << "the newest of the flood that waited";
  EXPECT_EQ(answers.failures[2].second.code, PlatformErrorCode::kNoCapacity);
}

TEST_F(TurnsTest, WhoeverTakesTurnsIsForgottenWhenGone) {
  limits.keep_alive_ms = 100;
  make();
  send(kFlood);
  play(50, [] {});
  EXPECT_EQ(boost::json::parse(scheduler->status_json()).at("namespaces").as_array().size(), 1u);
  play(200, [] {});
  EXPECT_TRUE(boost::json::parse(scheduler->status_json()).at("namespaces").as_array().empty());
}

}  // namespace
}  // namespace clemmys::controller
