// Time is the host's word, bounded: no clock goes back, inside one enclave, whoever asks. The time of day
// does not either: a host that sets its clock back lets it stand until it is later again.
#include <linux/time.h>

#include "shield/calls.h"
#include "shield/clock.h"
#include "shield/enclu.h"
#include "shield/host.h"
#include "shield/lock.h"
#include "shield/memory.h"
#include "shield/signals.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr int64_t kSecondsMax = 8'000'000'000;  // 250 years

uint64_t latest_monotonic, latest_realtime, latest_process_cpu;
Lock lock;  // never held across an exit
ClockModel model;

uint64_t host_clock(uint64_t clock) {
  Bounce bounce;
  const uint64_t place = bounce.reserve(sizeof(Timespec));
  refuse_if(call(__NR_clock_gettime, 0, clock, place) != 0, "time.clock");
  const auto time = bounce.get<Timespec>(place);
  refuse_if(time.seconds < 0 || time.seconds > kSecondsMax || time.nanoseconds < 0 ||
                time.nanoseconds >= static_cast<int64_t>(kSecond),
            "time.range");
  return static_cast<uint64_t>(time.seconds) * kSecond + static_cast<uint64_t>(time.nanoseconds);
}

void store(uint64_t address, uint64_t ns) {
  *reinterpret_cast<Timespec*>(address) = {static_cast<int64_t>(ns / kSecond),
                                           static_cast<int64_t>(ns % kSecond)};
}

struct Now {
  uint64_t monotonic, realtime;
};

// never_back is `reading`, or the latest reading of this clock if that is later.
uint64_t never_back(uint64_t& latest_reading, uint64_t reading) {
  uint64_t latest = __atomic_load_n(&latest_reading, __ATOMIC_RELAXED);
  while (latest < reading && !__atomic_compare_exchange_n(&latest_reading, &latest, reading, true,
                                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return latest < reading ? reading : latest;
}

Now now() {
  Now time;
  {
    Guard guard(lock);
    if (model.read(time_stamp_counter(), &time.monotonic, &time.realtime)) return time;
  }
  time = {host_clock(CLOCK_MONOTONIC), host_clock(CLOCK_REALTIME)};
  Guard guard(lock);
  model.anchor(time_stamp_counter(), time.monotonic, time.realtime);
  return time;
}

}  // namespace

#ifdef CLEMMYS_SHIELD_HOSTED
void forget_time() {
  latest_monotonic = latest_realtime = latest_process_cpu = 0;
  model = {};
}
#endif

uint64_t monotonic_ns() { return never_back(latest_monotonic, now().monotonic); }

uint64_t realtime_ns() { return never_back(latest_realtime, now().realtime); }

int64_t call_clock_gettime(uint64_t clock, uint64_t time) {
  if (!program_range(time, sizeof(Timespec))) return -EFAULT;
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
      store(time, realtime_ns());
      return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
      store(time, monotonic_ns());
      return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
      store(time, never_back(latest_process_cpu, host_clock(clock)));
      return 0;
    case CLOCK_THREAD_CPUTIME_ID:
      store(time, never_back(self().latest_cpu_ns, host_clock(clock)));
      return 0;
    default:
      return -EINVAL;
  }
}

int64_t call_clock_getres(uint64_t, uint64_t resolution) {
  if (resolution == 0) return 0;
  if (!program_range(resolution, sizeof(Timespec))) return -EFAULT;
  store(resolution, 1);
  return 0;
}

int64_t call_gettimeofday(uint64_t time) {
  if (time == 0) return 0;
  if (!program_range(time, 16)) return -EFAULT;
  const uint64_t now = realtime_ns();
  auto* to = reinterpret_cast<uint64_t*>(time);
  to[0] = now / kSecond;
  to[1] = now % kSecond / 1000;
  return 0;
}

int64_t call_time(uint64_t time) {
  const uint64_t now = realtime_ns() / kSecond;
  if (time != 0) {
    if (!program_range(time, 8)) return -EFAULT;
    *reinterpret_cast<uint64_t*>(time) = now;
  }
  return static_cast<int64_t>(now);
}

int64_t call_times(uint64_t buffer) {
  constexpr uint64_t kSize = 32, kTick = kSecond / 100;
  if (buffer != 0) {
    if (!program_range(buffer, kSize)) return -EFAULT;
    memset(reinterpret_cast<void*>(buffer), 0, kSize);
    const uint64_t used = never_back(latest_process_cpu, host_clock(CLOCK_PROCESS_CPUTIME_ID));
    *reinterpret_cast<uint64_t*>(buffer) = used / kTick;
  }
  return static_cast<int64_t>(monotonic_ns() / kTick);
}

int64_t call_nanosleep(uint64_t clock, uint64_t flags, uint64_t request, uint64_t remain) {
  if (!program_range(request, sizeof(Timespec)) || (remain != 0 && !program_range(remain, sizeof(Timespec))))
    return -EFAULT;
  const Timespec wish = *reinterpret_cast<const Timespec*>(request);
  if (wish.seconds < 0 || wish.nanoseconds < 0 || wish.nanoseconds >= static_cast<int64_t>(kSecond))
    return -EINVAL;
  const uint64_t seconds = static_cast<uint64_t>(wish.seconds < kSecondsMax ? wish.seconds : kSecondsMax);
  uint64_t deadline = seconds * kSecond + static_cast<uint64_t>(wish.nanoseconds);
  if ((flags & TIMER_ABSTIME) == 0) {
    deadline += monotonic_ns();
  } else if (clock == CLOCK_REALTIME) {
    const uint64_t now = realtime_ns();
    deadline = monotonic_ns() + (deadline > now ? deadline - now : 0);
  }
  for (uint64_t now; (now = monotonic_ns()) < deadline;) {
    call(OwnCall::kPark, 0, uint64_t{self().index}, deadline - now);
    if (!signal_waits(self())) continue;
    if (remain != 0 && (flags & TIMER_ABSTIME) == 0) store(remain, deadline > now ? deadline - now : 0);
    return -EINTR;
  }
  return 0;
}

}  // namespace clemmys::shield
