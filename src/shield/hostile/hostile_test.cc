// Every call that leaves the enclave against a host that lies about it; and the proof that each check is what
// stops its lie.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr const char* kWentOn = "went on";

struct Outcome {
  std::string site = kWentOn;
  std::int64_t result = 0;
};

// through_worker: calls that a worker may serve go by its word, not by leaving.
bool through_worker = false;

// play lets the program make the call, with `answer` for it and an honest host for all others.
Outcome play(World& world, const Subject& subject, const Answer& answer) {
  world.host.worker(through_worker ? FakeHost::Worker::kServes : FakeHost::Worker::kNone);
  world.host.answer_parks(subject.number == static_cast<std::uint64_t>(OwnCall::kPark) ||
                          subject.number == static_cast<std::uint64_t>(OwnCall::kUnpark));
  int next = 200;
  world.host.answer([&, next](const HostCall& call) mutable -> std::int64_t {
    if (call.number == subject.number) return answer(world, call);
    switch (call.number) {
      case __NR_clock_gettime: {
        timespec now;
        clock_gettime(static_cast<clockid_t>(call.arguments[0]), &now);
        host_write(call.arguments[1], now);
        return 0;
      }
      case __NR_dup:
      case __NR_openat:
      case __NR_epoll_create1:
        return next++;
      default:
        return call.number == static_cast<std::uint64_t>(OwnCall::kPark) ? fake_park(call) : 0;
    }
  });
  Outcome outcome;
  try {
    outcome.result = subject.act(world);
  } catch (const Stopped& stopped) {
    outcome.site = stopped.what();
  }
  EXPECT_TRUE(world.kept_inside()) << "bytes were written beyond the program's buffers";
  EXPECT_FALSE(world.host.read_twice()) << "the shield looked twice at what the host can change";
  return outcome;
}

// out_of_range is every answer that no Linux gives.
std::vector<std::int64_t> out_of_range(const Subject& subject) {
  std::vector<std::int64_t> answers = {-kErrnoMax - 1, INT64_MIN};
  if (subject.value_max < INT64_MAX) {
    answers.push_back(static_cast<std::int64_t>(subject.value_max) + 1);
    answers.push_back(INT64_MAX);
  }
  return answers;
}

TEST(HostileAnswer, AnHonestOneIsTakenAndReadOnce) {
  for (const Subject& subject : subjects()) {
    SCOPED_TRACE(subject.name);
    const auto played = [&](bool change) {
      World world;
      if (change) world.host.change_what_was_read();
      const Outcome outcome = play(world, subject, subject.honest);
      EXPECT_EQ(outcome.site, kWentOn);
      EXPECT_GE(outcome.result, 0);
      return std::pair(outcome.result,
                       world.out == 0 ? std::uint64_t{0} : world.read<std::uint64_t>(world.out));
    };
    EXPECT_EQ(played(false), played(true)) << "not copied once";
  }
}

TEST(HostileAnswer, OutOfRangeStops) {
  for (const Subject& subject : subjects()) {
    for (const std::int64_t answer : out_of_range(subject)) {
      SCOPED_TRACE(subject.name + " " + std::to_string(answer));
      World world;
      const Outcome outcome = play(world, subject, says(answer));
      if (subject.number == __NR_sched_yield) {
        EXPECT_EQ(outcome.site, kWentOn) << "its answer means nothing";
      } else {
        EXPECT_EQ(outcome.site, "host.answer");
      }
    }
  }
}

TEST(HostileAnswer, EveryLieOfTheTableStopsOrIsContained) {
  for (const Subject& subject : subjects()) {
    for (const Lie& lie : subject.lies) {
      SCOPED_TRACE(subject.name + ": " + lie.what);
      World world;
      const Outcome outcome = play(world, subject, lie.answer);
      EXPECT_EQ(outcome.site, lie.site == nullptr ? kWentOn : lie.site);
      if (lie.contained && outcome.site == kWentOn) EXPECT_TRUE(lie.contained(world, outcome.result));
    }
  }
}

TEST(HostileAnswer, AnErrorBringsNothingIntoTheProgram) {
  for (const Subject& subject : subjects()) {
    if (subject.errors != Errors::kPassedOn) continue;
    for (const std::int64_t error : {std::int64_t{-1}, -kErrnoMax}) {
      SCOPED_TRACE(subject.name + " " + std::to_string(error));
      World world;
      auto before = world.memory();
      const Outcome outcome = play(world, subject, [&](World&, const HostCall&) {
        before = world.memory();
        world.host.fill_bounce(0xff);
        return error;
      });
      EXPECT_EQ(outcome.site, kWentOn);
      EXPECT_EQ(outcome.result, error);
      EXPECT_TRUE(world.memory() == before) << "bytes of a failed call reached the program";
    }
  }
}

TEST(HostileAnswer, ABufferOfOnesNeverReachesBeyondWhatWasGiven) {
  for (const Subject& subject : subjects()) {
    SCOPED_TRACE(subject.name);
    World world;
    play(world, subject, [&](World&, const HostCall& call) {
      const std::int64_t result = subject.honest(world, call);
      world.host.fill_bounce(0xff);
      return result;
    });
  }
}

// The same lies through the queue of exitless calls.
class HostileWorker : public testing::Test {
 protected:
  HostileWorker() { through_worker = true; }
  ~HostileWorker() override { through_worker = false; }
};

TEST_F(HostileWorker, LiesStopOrAreContainedAsWhenTheCallLeaves) {
  int served = 0;
  for (const Subject& subject : subjects()) {
    if (!never_sleeps(subject.number, 0)) continue;
    ++served;
    SCOPED_TRACE(subject.name);
    for (const std::int64_t answer : out_of_range(subject)) {
      World world;
      EXPECT_EQ(play(world, subject, says(answer)).site, "host.answer") << answer;
    }
    for (const Lie& lie : subject.lies) {
      World world;
      const Outcome outcome = play(world, subject, lie.answer);
      EXPECT_EQ(outcome.site, lie.site == nullptr ? kWentOn : lie.site) << lie.what;
      if (lie.contained && outcome.site == kWentOn)
        EXPECT_TRUE(lie.contained(world, outcome.result)) << lie.what;
    }
  }
  EXPECT_GT(served, 20);
}

// gets_further is whether a lie passes its check when that is off: in a child process, because what it then
// does to memory is the point.
bool gets_further(const Subject& subject, const Answer& lie, const char* site) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit two_seconds{2, 2};  // of processor time: a loop without end is harm, a slow machine is not
    setrlimit(RLIMIT_CPU, &two_seconds);
    alarm(100);
    std::freopen("/dev/null", "w", stderr);
    World world;
    world.allow_overrun();
    world.host.insecure_believe(site);
    std::_Exit(play(world, subject, lie).site == site ? 1 : 0);
  }
  int status = 0;
  // A crash or an endless loop is what a believed lie does; waiting, or a process that was not made, proves
  // nothing.
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  return WIFSIGNALED(status) ? WTERMSIG(status) != SIGALRM : WEXITSTATUS(status) == 0;
}

// The counterpart of each check.
TEST(HostileAnswer, EachCheckIsWhatStopsItsLie) {
  for (const Subject& subject : subjects()) {
    if (subject.number != __NR_sched_yield && subject.value_max < INT64_MAX) {
      EXPECT_TRUE(
          gets_further(subject, says(static_cast<std::int64_t>(subject.value_max) + 1), "host.answer"))
          << subject.name << ": one more than possible";
    }
    for (const Lie& lie : subject.lies) {
      if (lie.site != nullptr)
        EXPECT_TRUE(gets_further(subject, lie.answer, lie.site)) << subject.name << ": " << lie.what;
    }
  }
}

// What some of the checks are for: with them off, the lie reaches the program.
TEST(HostileAnswer, ABelievedLieReachesTheProgram) {
  const auto believed = [](std::uint64_t number, const char* lie_name, const Answer& answer, const char* site,
                           const std::function<bool(World&, std::int64_t)>& harm) {
    const auto subject = std::ranges::find(subjects(), number, &Subject::number);
    World world;
    world.allow_overrun();
    world.host.insecure_believe(site);
    const Outcome outcome = play(world, *subject, answer);
    EXPECT_TRUE(outcome.site == kWentOn && harm(world, outcome.result)) << lie_name;
  };
  believed(__NR_read, "more than asked", says(17), "host.answer",
           [](World&, std::int64_t result) { return result == 17; });
  believed(__NR_getsockopt, "a value larger than its room", writes(4, std::uint32_t{5}, 0),
           "sockets.option_size", [](World& world, std::int64_t) {
             return world.read<std::uint8_t>(world.out + 4) != 0xa5;  // written beyond the program's buffer
           });
  believed(__NR_dup, "a descriptor that is open", says(2), "descriptors.host_reuse",
           [](World&, std::int64_t result) { return result > 2; });  // two files of the program are one
  believed(__NR_ioctl, "a negative size", writes(2, std::int32_t{-1}, 0), "io.fionread",
           [](World& world, std::int64_t) { return world.read<std::int32_t>(world.out) == -1; });
  believed(__NR_clock_gettime, "an impossible time", writes(1, Timespec{5, 1'999'999'999}, 0), "time.range",
           [](World& world, std::int64_t) { return world.read<Timespec>(world.out).seconds != 5; });
}

// A shield that reads twice is seen: the counterpart of "read once".
TEST(HostileAnswer, ASecondLookIsSeen) {
  FakeHost host;
  host.change_what_was_read();
  host.answer([](const HostCall& call) {
    host_write(call.arguments[0], 7u);
    return 0;
  });
  Bounce bounce;
  const std::uint64_t place = bounce.reserve(4);
  raw_call(__NR_pipe2, place);
  EXPECT_EQ(bounce.get<std::uint32_t>(place), 7u);
  EXPECT_FALSE(host.read_twice());
  EXPECT_NE(bounce.get<std::uint32_t>(place), 7u);
  EXPECT_TRUE(host.read_twice());
}

}  // namespace
}  // namespace clemmys::shield::hostile
