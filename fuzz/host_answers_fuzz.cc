// The host's answers. The shield's own call code runs a program of system calls; the input decides which, and
// decides every answer of the host: its value, the bytes in the bounce buffer, the time stamp counter. Either
// the shield stops at a named place, or the program sees only what Linux could have given: no byte is written
// beyond its buffers, sizes are within what it asked for, its descriptors are its own, events belong to
// registrations, time does not go back.
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <set>

#include "host_answers.h"
#include "shield/cpuid.h"
#include "shield/descriptors.h"

namespace clemmys::fuzz {
namespace {

constexpr std::uint64_t kStepsMax = 200;
constexpr auto kHere = static_cast<std::uint64_t>(-100);

// Program is the victim: it makes calls, and knows what it may see.
class Program {
 public:
  Program(Input& input, const HostileHost& host) : input_(input), host_(host) {}

  void step() {
    static constexpr void (Program::* kCalls[])() = {
        &Program::opens, &Program::closes, &Program::reads,   &Program::writes,  &Program::pairs,
        &Program::adds,  &Program::waits,  &Program::lists,   &Program::asks,    &Program::polls,
        &Program::tells, &Program::sleeps, &Program::options, &Program::address, &Program::processor,
        &Program::quote, &Program::plain,  &Program::vectors, &Program::changes};
    (this->*kCalls[input_.byte() % std::size(kCalls)])();
    CHECK(!host_.read_twice());
  }

 private:
  struct Registration {
    std::uint64_t epoll, descriptor;
    std::uint32_t events;
  };

  std::uint64_t some() { return input_.byte() % 12; }
  static std::int64_t checked(std::int64_t result, std::int64_t max) {
    CHECK(result >= -kErrnoMax && result <= max);
    return result;
  }
  // opened: a new descriptor is the lowest that was free.
  void opened(std::int64_t number) {
    if (checked(number, kDescriptorsMax - 1) < 0) return;
    std::int64_t lowest = 0;
    while (open_.contains(lowest)) ++lowest;
    CHECK(number == lowest);
    open_.insert(number);
  }

  void opens() {
    switch (input_.byte() % 7) {
      case 0:
        return opened(run(__NR_openat, kHere, address_of("/state/file"), 0));
      case 1:
        return opened(run(__NR_socket, input_.byte() % 2 ? AF_INET : AF_UNIX, SOCK_STREAM, 0));
      case 2:
        return opened(run(__NR_eventfd2, 0, 0));
      case 3:
        return opened(run(__NR_timerfd_create, 1, 0));
      case 4: {
        return opened(run(__NR_accept4, some(), 0, 0, 0));
      }
      case 5: {
        const std::int64_t number = run(__NR_epoll_create1, 0);
        opened(number);
        return;
      }
      default:
        return opened(run(__NR_dup, some()));
    }
  }
  void closes() {
    const std::uint64_t number = some();
    const std::int64_t result = checked(run(__NR_close, number), 0);
    CHECK(open_.erase(static_cast<std::int64_t>(number)) == 1 || result == -EBADF);
    std::erase_if(registrations_, [&](const auto& one) {
      return one.second.epoll == number || one.second.descriptor == number;
    });
  }
  void reads() {
    static constexpr std::uint64_t kNumbers[] = {__NR_read, __NR_pread64, __NR_recvfrom};
    const std::uint64_t size = input_.byte();
    Buffer buffer(size);
    checked(run(kNumbers[input_.byte() % 3], some(), buffer.address(), size, 0),
            static_cast<std::int64_t>(size));
  }
  void writes() {
    static constexpr std::uint64_t kNumbers[] = {__NR_write, __NR_pwrite64, __NR_sendto};
    const std::uint64_t size = input_.byte();
    const Buffer buffer(size);
    checked(run(kNumbers[input_.byte() % 3], some(), buffer.address(), size, 0),
            static_cast<std::int64_t>(size));
  }
  void vectors() {
    const std::uint64_t first = input_.byte() % 32, second = input_.byte() % 32;
    Buffer one(first), two(second), list(32);
    list.put(std::array{Iovec{one.address(), first}, Iovec{two.address(), second}});
    checked(run(input_.byte() % 2 ? __NR_readv : __NR_writev, some(), list.address(), 2),
            static_cast<std::int64_t>(first + second));
  }
  void pairs() {
    Buffer pair(8);
    const std::int64_t result =
        checked(input_.byte() % 2 ? run(__NR_pipe2, pair.address(), 0)
                                  : run(__NR_socketpair, AF_UNIX, SOCK_STREAM, 0, pair.address()),
                0);
    if (result != 0) return;
    opened(pair.get<std::int32_t>(0));
    opened(pair.get<std::int32_t>(4));
  }
  // adds and changes give each registration data of its own.
  void control(std::uint64_t operation) {
    Buffer event(sizeof(EpollEvent));
    const std::uint64_t epoll = some(), descriptor = some();
    const std::uint32_t events = input_.byte() | (input_.byte() % 2 ? EPOLLONESHOT : 0u);
    event.put(EpollEvent{events, ++data_});
    if (checked(run(__NR_epoll_ctl, epoll, operation, descriptor, event.address()), 0) != 0) {
      if (operation == EPOLL_CTL_DEL) forget(epoll, descriptor);  // Linux was asked, and may have done it
      return;
    }
    forget(epoll, descriptor);
    if (operation != EPOLL_CTL_DEL) registrations_[data_] = {epoll, descriptor, events};
  }
  void forget(std::uint64_t epoll, std::uint64_t descriptor) {
    std::erase_if(registrations_, [&](const auto& one) {
      return one.second.epoll == epoll && one.second.descriptor == descriptor;
    });
  }
  void adds() { control(EPOLL_CTL_ADD); }
  void changes() { control(input_.byte() % 2 ? EPOLL_CTL_MOD : EPOLL_CTL_DEL); }
  void waits() {
    const std::uint64_t max = 1 + input_.byte() % 8, epoll = some();
    Buffer events(max * sizeof(EpollEvent));
    const std::int64_t count =
        checked(run(__NR_epoll_wait, epoll, events.address(), max, 0), static_cast<std::int64_t>(max));
    std::set<std::uint64_t> seen;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto event = events.get<EpollEvent>(static_cast<std::size_t>(i) * sizeof(EpollEvent));
      const auto registration = registrations_.find(event.data);
      CHECK(registration != registrations_.end() && registration->second.epoll == epoll);
      CHECK(seen.insert(event.data).second);
      CHECK((event.events & ~(registration->second.events | kAlwaysReported)) == 0 && event.events != 0);
      if ((registration->second.events & EPOLLONESHOT) != 0)
        CHECK(fired_.insert(event.data).second);  // again only after a change, which makes new data
    }
  }
  void polls() {
    Buffer entries(16);
    entries.put(static_cast<std::int32_t>(some()), 0);
    entries.put(std::uint16_t{1}, 4);
    entries.put(std::int32_t{-1}, 8);
    checked(run(__NR_poll, entries.address(), 2, 0), 1);
    CHECK((entries.get<std::uint16_t>(6) & ~(1 | kAlwaysReported | 0x20)) == 0);
    CHECK(entries.get<std::uint16_t>(14) == 0 && entries.get<std::int32_t>(8) == -1);
  }
  void lists() {
    constexpr std::uint64_t kSize = 128;
    Buffer records(kSize);
    const std::int64_t got = checked(run(__NR_getdents64, some(), records.address(), kSize), kSize);
    for (std::int64_t at = 0; at < got;) {  // as a C library walks them
      const auto length = records.get<std::uint16_t>(static_cast<std::size_t>(at) + 16);
      CHECK(length % 8 == 0 && length >= 24 && at + length <= got);
      const auto* name = reinterpret_cast<const char*>(records.address()) + at + 19;
      const std::size_t size = strnlen(name, length - 19u);
      CHECK(size > 0 && size < length - 19u && std::memchr(name, '/', size) == nullptr);
      at += length;
    }
  }
  void asks() {
    static constexpr std::array kClocks = {0, 1, 2, 3};
    const std::size_t which = input_.byte() % kClocks.size();
    Buffer time(16);
    const std::int64_t result =
        checked(run(__NR_clock_gettime, static_cast<std::uint64_t>(kClocks[which]), time.address()), 0);
    CHECK(result == 0);
    const auto now = time.get<Timespec>();
    CHECK(now.seconds >= 0 && now.nanoseconds >= 0 && now.nanoseconds < 1'000'000'000);
    Timespec& latest = latest_[which];
    CHECK(now.seconds > latest.seconds ||
          (now.seconds == latest.seconds && now.nanoseconds >= latest.nanoseconds));
    latest = now;
  }
  void tells() {
    Buffer value(32), old(32);
    checked(run(__NR_timerfd_settime, some(), 0, value.address(), old.address()), 0);
    checked(run(__NR_timerfd_gettime, some(), value.address()), 0);
    for (const Buffer* timer : {&value, &old}) {
      for (std::size_t i = 0; i < 2; ++i) {
        const auto time = timer->get<Timespec>(16 * i);
        CHECK(time.seconds >= 0 && time.nanoseconds >= 0 && time.nanoseconds < 1'000'000'000);
      }
    }
  }
  void sleeps() {
    Buffer wish(16);
    wish.put(Timespec{0, input_.byte()});
    checked(run(__NR_clock_nanosleep, 1, 0, wish.address(), 0), 0);
  }
  void options() {
    Buffer value(4), size(4);
    size.put(std::uint32_t{4});
    checked(run(__NR_getsockopt, some(), SOL_SOCKET, SO_ERROR, value.address(), size.address()), 0);
    CHECK(size.get<std::uint32_t>() <= 4);
    Buffer count(4);
    if (checked(run(__NR_ioctl, some(), FIONREAD, count.address()), 0) == 0)
      CHECK(count.get<std::int32_t>() >= 0);
  }
  void address() {
    static constexpr std::uint64_t kNumbers[] = {__NR_getsockname, __NR_getpeername, __NR_accept4};
    Buffer place(128), size(4);
    size.put(std::uint32_t{128});
    const std::uint64_t number = kNumbers[input_.byte() % 3];
    const std::int64_t result = run(number, some(), place.address(), size.address(), 0);
    if (number == __NR_accept4) opened(result);
    if (checked(result, kDescriptorsMax) < 0) return;
    const auto length = size.get<std::uint32_t>();
    const auto family = place.get<std::uint16_t>();
    CHECK(length == 0 || (family == AF_INET && length == 16) || (family == AF_INET6 && length == 28) ||
          (family == AF_UNIX && length >= 2 && length <= 110));
  }
  void processor() {
    const std::uint32_t leaf = input_.byte() % 32;
    const CpuidAnswer answer = cpuid(leaf, 0);
    const auto [known, first] = cpuid_.try_emplace(leaf, answer);
    CHECK(known->second == answer);
    if (leaf == 7) CHECK((answer.ebx >> 16 & 1) == 0 && (answer.ebx >> 18 & 1) == 1);
  }
  void quote() {
    const std::int64_t file = run(__NR_openat, kHere, address_of("/dev/attestation/quote"), 0);
    opened(file);
    Buffer bytes(64);
    checked(run(__NR_read, static_cast<std::uint64_t>(file), bytes.address(), 64), 64);
  }
  void plain() {  // calls that give 0 or an error
    static constexpr std::uint64_t kNumbers[] = {__NR_fsync,    __NR_ftruncate, __NR_flock,      __NR_listen,
                                                 __NR_shutdown, __NR_fchmod,    __NR_sched_yield};
    checked(run(kNumbers[input_.byte() % std::size(kNumbers)], some(), 0), 0);
    Buffer stat(144);
    checked(run(__NR_fstat, some(), stat.address()), 0);
    checked(run(__NR_lseek, some(), 0, 1), INT64_MAX);
    Buffer mask(8);
    CHECK(run(__NR_sched_getaffinity, 0, 8, mask.address()) == 8 && mask.get<std::uint64_t>() != 0);
  }

  Input& input_;
  const HostileHost& host_;
  std::set<std::int64_t> open_ = {0, 1, 2, 3};
  std::map<std::uint64_t, Registration> registrations_;  // by their data
  std::set<std::uint64_t> fired_;
  std::array<Timespec, 4> latest_{};
  std::map<std::uint32_t, CpuidAnswer> cpuid_;
  std::uint64_t data_ = 0;
};

}  // namespace

std::vector<Bytes> seeds() {
  // Steps with answers that go through: a byte for the call, then its choices, then the host's.
  std::vector<Bytes> all;
  for (std::uint8_t call = 0; call < 19; ++call) {
    Bytes one = {0};
    for (std::uint8_t i = 0; i < 12; ++i) one.insert(one.end(), {0, static_cast<std::uint8_t>(i % 7), 4, 0});
    for (std::uint8_t i = 0; i < 24; ++i)
      one.insert(one.end(), {call, i, static_cast<std::uint8_t>(i + 4), 1, 0, 0});
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  clemmys::shield::forget_time();
  clemmys::shield::forget_cpuid();
  Input input({data, size});
  HostileHost host(input);
  Program program(input, host);
  try {
    for (std::uint64_t i = 0; i < kStepsMax && !input.empty(); ++i) {
      host.tick();
      program.step();
    }
  } catch (const clemmys::shield::Stopped& stopped) {
    CHECK(std::string_view(stopped.what()).find('.') != std::string_view::npos);
  }
  return 0;
}
