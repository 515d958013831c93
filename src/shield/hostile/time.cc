// Clocks and processors.
#include <ctime>
#include <memory>

#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

Answer clock(std::int64_t seconds, std::int64_t nanoseconds) {
  return writes(1, Timespec{seconds, nanoseconds}, 0);
}

std::function<std::int64_t(World&)> read_clock(std::uint64_t id) {
  return [id](World& world) { return run(__NR_clock_gettime, id, world.out = world.value(Timespec{})); };
}

bool later(const Timespec& left, const Timespec& right) {
  return left.seconds != right.seconds ? left.seconds > right.seconds : left.nanoseconds > right.nanoseconds;
}

// backwards answers an earlier time with every question; the program asks twice.
Lie backwards(std::uint64_t id) {
  const auto seconds = std::make_shared<std::int64_t>(1'000'000);
  return {"time that goes back",
          [seconds](World&, const HostCall& call) -> std::int64_t {
            host_write(call.arguments[1], Timespec{* seconds -= 1000, 5});
            return 0;
          },
          nullptr,
          [id](World& world, std::int64_t) {
            const auto first = world.read<Timespec>(world.out);
            if (run(__NR_clock_gettime, id, world.out) != 0) return false;
            return !later(first, world.read<Timespec>(world.out));
          }};
}

// ticks are of the process's time, in hundredths of a second; the program asks twice.
std::int64_t read_ticks(World& world) {
  world.out = world.buffer(32);
  return run(__NR_times, world.out) < 0 ? -1 : 0;
}
Lie ticks_backwards() {
  const auto seconds = std::make_shared<std::int64_t>(1'000'000);
  return {"processor time that goes back",
          [seconds](World&, const HostCall& call) -> std::int64_t {
            host_write(call.arguments[1], Timespec{* seconds -= 1000, 5});
            return 0;
          },
          nullptr,
          [](World& world, std::int64_t) {
            const auto first = world.read<std::int64_t>(world.out);
            return read_ticks(world) == 0 && world.read<std::int64_t>(world.out) >= first;
          }};
}

std::int64_t read_day(World& world) { return run(__NR_gettimeofday, world.value(Timespec{})); }
std::int64_t read_seconds(World& world) { return run(__NR_time, world.value(std::int64_t{0})) >= 0 ? 0 : -1; }

std::vector<Lie> lies(std::uint64_t id) {
  return {
      backwards(id),
      {"negative seconds", clock(-1, 0), "time.range"},
      {"a second of nanoseconds", clock(1, 1'000'000'000), "time.range"},
      {"negative nanoseconds", clock(1, -1), "time.range"},
      {"later than 250 years", clock(8'000'000'001, 0), "time.range"},
      {"the largest time", clock(INT64_MAX, 999'999'999), "time.range"},
      {"an error", says(-EINVAL), "time.clock"},
      {"250 years", clock(8'000'000'000, 0), nullptr,
       [](World& world, std::int64_t result) {
         return result == 0 && world.read<Timespec>(world.out).seconds == 8'000'000'000;
       }},
  };
}

}  // namespace

std::vector<Subject> time_subjects() {
  std::vector<Subject> all;
  for (const clockid_t id :
       {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID}) {
    const auto number = static_cast<std::uint64_t>(id);
    all.push_back(
        subject(__NR_clock_gettime, 0, read_clock(number), clock(1000, 5), lies(number), Errors::kStop));
  }
  const Lie impossible = {"a second of nanoseconds", clock(1, 1'000'000'000), "time.range"};
  all.push_back(subject(__NR_clock_gettime, 0, read_ticks, clock(1000, 5), {impossible, ticks_backwards()},
                        Errors::kStop));
  for (const auto& act : {read_day, read_seconds})
    all.push_back(subject(__NR_clock_gettime, 0, act, clock(1000, 5), {impossible}, Errors::kStop));
  all.push_back(subject(
      __NR_sched_yield, 0, [](World&) { return run(__NR_sched_yield); }, says(0), {}, Errors::kIgnored));
  all.push_back(subject(
      __NR_sched_getaffinity, 128,
      [](World& world) { return run(__NR_sched_getaffinity, 0, 8, world.out = world.buffer(8)); },
      writes(2, std::uint64_t{3}, 8),
      {{"no processors", writes(2, std::uint64_t{0}, 8), nullptr,
        [](World& world, std::int64_t) { return world.read<std::uint64_t>(world.out) == 1; }},
       {"1,024 processors",
        [](World&, const HostCall& call) -> std::int64_t {
          std::memset(reinterpret_cast<void*>(call.arguments[2]), 0xff, 128);
          return 128;
        },
        nullptr, [](World& world, std::int64_t) { return world.read<std::uint64_t>(world.out) == ~0ull; }}},
      Errors::kIgnored));
  return all;
}

}  // namespace clemmys::shield::hostile
