// Waiting. Who is ready is the host's word; which registrations exist, what they asked for and what belongs
// to them is not.
#include <sys/epoll.h>
#include <sys/poll.h>
#include <sys/timerfd.h>

#include "shield/descriptors.h"
#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr std::uint64_t kDescriptor = 65535, kData = 0x1234567890abcdef;

// events says that the registration of World is ready, `count` times.
Answer ready(std::uint32_t events, std::int64_t count, std::uint64_t token_change = 0) {
  return [=](World& world, const HostCall& call) {
    for (std::int64_t i = 0; i < count; ++i) {
      host_write(call.arguments[1] + static_cast<std::uint64_t>(i) * sizeof(EpollEvent),
                 EpollEvent{events, world.token + token_change});
    }
    return count;
  };
}

std::int64_t wait(World& world) {
  return run(__NR_epoll_wait, world.epoll, world.out = world.buffer(4 * sizeof(EpollEvent)), 4, 0);
}

bool sees(World& world, std::uint32_t events) {
  const auto event = world.read<EpollEvent>(world.out);
  return event.events == events && event.data == kData;
}

std::int64_t poll_two(World& world) {
  const pollfd entries[2] = {{static_cast<int>(world.event), POLLIN, 0}, {-1, POLLIN, 0}};
  return run(__NR_poll, world.out = world.value(entries), 2, 0);
}

Answer polled(std::int16_t events) {
  return [=](World&, const HostCall& call) -> std::int64_t {
    for (std::uint64_t i = 0; i < 2; ++i) host_write(call.arguments[0] + 8 * i, pollfd{7, POLLOUT, events});
    return 2;
  };
}

Answer timer(int argument, Timespec interval, Timespec left) {
  return [=](World&, const HostCall& call) -> std::int64_t {
    host_write(call.arguments[argument], interval);
    host_write(call.arguments[argument] + sizeof interval, left);
    return 0;
  };
}

std::vector<Lie> timer_lies(int argument) {
  constexpr Timespec kGood{1, 5};
  return {
      {"negative seconds", timer(argument, kGood, {-1, 0}), "events.timer"},
      {"negative nanoseconds", timer(argument, {0, -1}, kGood), "events.timer"},
      {"a second of nanoseconds", timer(argument, kGood, {0, 1'000'000'000}), "events.timer"},
  };
}

std::function<std::int64_t(World&)> control(std::uint64_t operation) {
  return [operation](World& world) {
    const std::uint64_t target = operation == EPOLL_CTL_ADD ? world.socket : world.event;
    return run(__NR_epoll_ctl, world.epoll, operation, target, world.value(EpollEvent{EPOLLIN, 5}));
  };
}

}  // namespace

std::vector<Subject> event_subjects() {
  const std::vector<Lie> opened = {{"a descriptor that is open", says(1), "descriptors.host_reuse"}};
  return {
      subject(
          __NR_epoll_create1, kDescriptor, [](World&) { return run(__NR_epoll_create1, 0); }, says(40),
          opened),
      subject(
          __NR_eventfd2, kDescriptor, [](World&) { return run(__NR_eventfd2, 0, 0); }, says(40), opened),
      subject(
          __NR_timerfd_create, kDescriptor, [](World&) { return run(__NR_timerfd_create, 1, 0); }, says(40),
          opened),
      subject(__NR_epoll_ctl, 0, control(EPOLL_CTL_ADD), says(0)),
      subject(__NR_epoll_ctl, 0, control(EPOLL_CTL_MOD), says(0)),
      subject(__NR_epoll_ctl, 0, control(EPOLL_CTL_DEL), says(0)),
      subject(__NR_epoll_wait, 4, wait, ready(EPOLLIN, 1),
              {{"a token that was never given out", ready(EPOLLIN, 1, 1), "events.forged_token"},
               {"a token of a later change", ready(EPOLLIN, 1, 2ull << 32), "events.forged_token"},
               {"the program's own data",
                [](World&, const HostCall& call) -> std::int64_t {
                  host_write(call.arguments[1], EpollEvent{EPOLLIN, kData});
                  return 1;
                },
                "events.forged_token"},
               {"one registration twice in an answer", ready(EPOLLIN, 2), "events.twice"},
               {"events that nobody asked for", ready(~0u, 1), nullptr,
                [](World& world, std::int64_t result) {
                  return result == 1 && sees(world, EPOLLIN | EPOLLERR | EPOLLHUP);
                }},
               {"only events that nobody asked for", ready(EPOLLOUT, 1), nullptr,
                [](World&, std::int64_t result) { return result == 0; }},
               {"ready for no reason", ready(EPOLLIN, 1), nullptr,
                [](World& world, std::int64_t result) { return result == 1 && sees(world, EPOLLIN); }}}),
      subject(__NR_epoll_wait, 4,
              [](World& world) {
                run(__NR_close, world.event);
                return wait(world);
              },
              says(0),
              {{"an event of a closed descriptor", ready(EPOLLIN, 1), nullptr,
                [](World&, std::int64_t result) { return result == 0; }}}),
      subject(__NR_epoll_wait, 4,
              [](World& world) {
                world.epoll = static_cast<std::uint64_t>(run(__NR_dup2, 0, 9));  // no epoll any more
                world.epoll = static_cast<std::uint64_t>(run(__NR_epoll_create1, 0));
                return wait(world);
              },
              says(0), {{"a registration of another epoll", ready(EPOLLIN, 1), "events.other_epoll"}}),
      subject(__NR_poll, 2, poll_two, polled(POLLIN),
              {{"every event, for entries that are none, and other descriptors", polled(0x7fff), nullptr,
                [](World& world, std::int64_t result) {
                  const auto first = world.read<pollfd>(world.out),
                             second = world.read<pollfd>(world.out + 8);
                  return result == 1 && first.revents == (POLLIN | POLLERR | POLLHUP | POLLNVAL) &&
                         first.fd == static_cast<int>(world.event) && first.events == POLLIN &&
                         second.revents == 0;
                }}}),
      subject(
          __NR_timerfd_settime, 0,
          [](World& world) {
            const std::uint64_t value = world.buffer(sizeof(itimerspec));
            return run(__NR_timerfd_settime, world.timer, 0, value, world.buffer(sizeof(itimerspec)));
          },
          timer(3, {1, 2}, {3, 4}), timer_lies(3)),
      subject(
          __NR_timerfd_gettime, 0,
          [](World& world) {
            return run(__NR_timerfd_gettime, world.timer, world.buffer(sizeof(itimerspec)));
          },
          timer(1, {1, 2}, {3, 4}), timer_lies(1)),
  };
}

}  // namespace clemmys::shield::hostile
