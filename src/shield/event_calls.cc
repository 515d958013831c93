// Waiting: epoll, poll, eventfd, timerfd. The host says which descriptors are ready and may lie; what it
// cannot do is name a registration that does not exist, report events nobody asked for, or choose the user
// data.
#include <asm/poll.h>
#include <linux/eventpoll.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/exitless.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/scatter.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kEventsMax = 512, kPollMax = 1024;
constexpr uint32_t kPollInvalid = 0x20;  // POLLNVAL

struct PollEntry {
  int32_t descriptor;
  uint16_t events, returned;
};

int64_t epoll_control(uint64_t epoll, uint64_t operation, uint64_t descriptor, uint64_t event_address) {
  const int64_t host = host_of(epoll), target = host_of(descriptor);
  if (host < 0) return host;
  EpollEvent event{};
  if (operation != EPOLL_CTL_DEL) {
    if (!program_range(event_address, sizeof event)) return -EFAULT;
    event = *reinterpret_cast<const EpollEvent*>(event_address);
  }
  uint64_t token = 0;
  Watch before;
  int64_t result = -EINVAL;
  if (operation == EPOLL_CTL_ADD) result = watch_add(epoll, descriptor, event.events, event.data, &token);
  if (operation == EPOLL_CTL_MOD)
    result = watch_change(epoll, descriptor, event.events, event.data, &token, &before);
  if (operation == EPOLL_CTL_DEL) result = watch_remove(epoll, descriptor);
  if (result != 0) return result;
  event.data = token;
  Bounce bounce;
  const int64_t answer = call(__NR_epoll_ctl, 0, host, operation, target, bounce.put(&event, sizeof event));
  if (answer != 0 && operation == EPOLL_CTL_ADD) watch_remove(epoll, descriptor);
  if (answer != 0 && operation == EPOLL_CTL_MOD) watch_put_back(epoll, descriptor, token, before);
  return answer;
}

int64_t epoll_wait(uint64_t epoll, uint64_t events_address, uint64_t count_max, uint64_t timeout_ms) {
  if (count_max == 0 || count_max > 0x7fffffff) return -EINVAL;
  if (count_max > kEventsMax) count_max = kEventsMax;
  if (!program_range(events_address, count_max * sizeof(EpollEvent))) return -EFAULT;
  const int64_t host = host_of(epoll);
  if (host < 0) return host;
  Bounce bounce;
  const uint64_t place = bounce.reserve(count_max * sizeof(EpollEvent));
  int64_t count = 0;
  if (timeout_ms != 0 && worker_is_awake())  // a look that costs no exit; then sleep
    count = call(__NR_epoll_wait, count_max, host, place, count_max, 0);
  if (count == 0) count = call(__NR_epoll_wait, count_max, host, place, count_max, timeout_ms);
  if (count <= 0) return count;
  auto* events = reinterpret_cast<EpollEvent*>(events_address);
  bounce.get(events, place, static_cast<uint64_t>(count) * sizeof(EpollEvent));
  return static_cast<int64_t>(watches_ready(epoll, events, static_cast<uint64_t>(count)));
}

int64_t poll(uint64_t entries_address, uint64_t count, uint64_t timeout_ms) {
  if (count > kPollMax) return -EINVAL;
  if (!program_range(entries_address, count * sizeof(PollEntry))) return -EFAULT;
  auto* entries = reinterpret_cast<PollEntry*>(entries_address);
  Bounce bounce;
  const uint64_t place = bounce.reserve(count * sizeof(PollEntry));
  for (uint64_t i = 0; i < count; ++i) {
    PollEntry entry = entries[i];
    entry.returned = 0;
    if (entry.descriptor >= 0) {
      const int64_t host = host_of(static_cast<uint64_t>(entry.descriptor));
      entry.descriptor =
          host < 0 ? 0x7fffffff : static_cast<int32_t>(host);  // not open there either: POLLNVAL
    }
    bounce.fill(place + i * sizeof entry, &entry, sizeof entry);
  }
  const int64_t ready = call(__NR_poll, count, place, count, timeout_ms);
  if (ready < 0) return ready;
  int64_t counted = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto entry = bounce.get<PollEntry>(place + i * sizeof(PollEntry));
    const uint32_t allowed = entries[i].events | kAlwaysReported | kPollInvalid;
    entries[i].returned =
        entries[i].descriptor < 0 ? uint16_t{0} : static_cast<uint16_t>(entry.returned & allowed);
    if (entries[i].returned != 0) ++counted;
  }
  return counted;
}

// milliseconds of a relative timespec; all ones: for ever. *error is set for an impossible one.
uint64_t milliseconds(uint64_t address, int64_t* error) {
  if (address == 0) return ~0ull;
  if (!program_range(address, sizeof(Timespec))) return *error = -EFAULT, 0;
  const Timespec time = *reinterpret_cast<const Timespec*>(address);
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds > 999'999'999) return *error = -EINVAL, 0;
  if (time.seconds > 2'000'000) return 2'000'000'000;
  return static_cast<uint64_t>(time.seconds * 1000 + (time.nanoseconds + 999'999) / 1'000'000);
}

int64_t select(const Arguments& a, uint64_t timeout_ms, int64_t error) {
  const uint64_t sets[3] = {a[1], a[2], a[3]};
  return error != 0 ? error : select_ready(a[0], sets, timeout_ms);
}

// select_old is select: its timeout is in microseconds.
int64_t select_old(const Arguments& a) {
  if (a[4] == 0) return select(a, ~0ull, 0);
  if (!program_range(a[4], sizeof(Timespec))) return -EFAULT;
  const Timespec time = *reinterpret_cast<const Timespec*>(a[4]);
  if (time.seconds < 0 || time.nanoseconds < 0 || time.seconds > 2'000'000) return -EINVAL;
  return select(a, static_cast<uint64_t>(time.seconds * 1000 + (time.nanoseconds + 999) / 1000), 0);
}

int64_t select_new(const Arguments& a) {
  int64_t error = 0;
  const uint64_t timeout_ms = milliseconds(a[4], &error);
  return select(a, timeout_ms, error);
}

int64_t ppoll(uint64_t entries, uint64_t count, uint64_t timeout) {
  int64_t error = 0;
  const uint64_t timeout_ms = milliseconds(timeout, &error);
  return error != 0 ? error : poll(entries, count, timeout_ms);
}

// take_timer copies a struct itimerspec to the program.
void take_timer(const Bounce& bounce, uint64_t place, uint64_t address) {
  const Timespec time[2] = {bounce.get<Timespec>(place), bounce.get<Timespec>(place + sizeof(Timespec))};
  for (const Timespec& one : time) {
    refuse_if(one.seconds < 0 || one.nanoseconds < 0 || one.nanoseconds > 999'999'999, "events.timer");
  }
  memcpy(reinterpret_cast<void*>(address), time, sizeof time);
}

int64_t timer_set(uint64_t descriptor, uint64_t flags, uint64_t value, uint64_t value_old) {
  constexpr uint64_t kSize = 32;  // struct itimerspec
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  if (!program_range(value, kSize) || (value_old != 0 && !program_range(value_old, kSize))) return -EFAULT;
  Bounce bounce;
  const uint64_t in = bounce.put(reinterpret_cast<const void*>(value), kSize), out = bounce.reserve(kSize);
  const int64_t result = call(__NR_timerfd_settime, 0, host, flags, in, out);
  if (result == 0 && value_old != 0) take_timer(bounce, out, value_old);
  return result;
}

int64_t timer_get(uint64_t descriptor, uint64_t value) {
  constexpr uint64_t kSize = 32;
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  if (!program_range(value, kSize)) return -EFAULT;
  Bounce bounce;
  const uint64_t out = bounce.reserve(kSize);
  const int64_t result = call(__NR_timerfd_gettime, 0, host, out);
  if (result == 0) take_timer(bounce, out, value);
  return result;
}

int64_t open_epoll(uint64_t flags) {
  return adopt_answer(call(__NR_epoll_create1, kHostDescriptorsMax - 1, flags), Kind::kEpoll);
}

}  // namespace

bool event_call(uint64_t number, const Arguments& a, int64_t* result) {
  constexpr uint64_t kMax = kHostDescriptorsMax - 1;
  // clang-format off
  switch (number) {
    case __NR_epoll_create: *result = open_epoll(0); return true;
    case __NR_epoll_create1: *result = open_epoll(a[0]); return true;
    case __NR_epoll_ctl: *result = epoll_control(a[0], a[1], a[2], a[3]); return true;
    case __NR_epoll_wait:
    case __NR_epoll_pwait: *result = epoll_wait(a[0], a[1], a[2], a[3]); return true;
    case __NR_epoll_pwait2: {
      int64_t error = 0;
      const uint64_t timeout_ms = milliseconds(a[3], &error);
      *result = error != 0 ? error : epoll_wait(a[0], a[1], a[2], timeout_ms);
      return true;
    }
    case __NR_poll: *result = poll(a[0], a[1], a[2]); return true;
    case __NR_select: *result = select_old(a); return true;
    case __NR_pselect6: *result = select_new(a); return true;
    case __NR_ppoll: *result = ppoll(a[0], a[1], a[2]); return true;
    case __NR_eventfd: *result = adopt_answer(call(__NR_eventfd2, kMax, a[0], 0)); return true;
    case __NR_eventfd2: *result = adopt_answer(call(__NR_eventfd2, kMax, a[0], a[1])); return true;
    case __NR_timerfd_create: *result = adopt_answer(call(number, kMax, a[0], a[1])); return true;
    case __NR_timerfd_settime: *result = timer_set(a[0], a[1], a[2], a[3]); return true;
    case __NR_timerfd_gettime: *result = timer_get(a[0], a[1]); return true;
    default: return false;
  }
  // clang-format on
}

}  // namespace clemmys::shield
