// One lie of the host per test. A lie that a correct kernel could not have told ends the process; one that
// only costs availability is cut down to what was asked.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/poll.h>
#include <sys/socket.h>

#include "shield/clock.h"
#include "shield/cpuid.h"
#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

std::string site_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Stopped& stopped) {
    return stopped.what();
  }
  return "went on";
}

TEST(HostileHost, ReadThatReturnsMoreThanAskedStops) {
  FakeHost host;
  char buffer[16] = {};
  host.answer([](const HostCall&) { return 17; });
  EXPECT_EQ(site_of([&] { run(__NR_read, 0, address_of(buffer), sizeof buffer); }), "host.answer");
}

TEST(HostileHost, WriteThatClaimsMoreThanGivenStops) {
  FakeHost host;
  host.answer([](const HostCall&) { return 5; });
  EXPECT_EQ(site_of([&] { run(__NR_write, 1, address_of("abcd"), 4); }), "host.answer");
}

TEST(HostileHost, ErrorsBelowTheErrnoRangeStop) {
  FakeHost host;
  char buffer[16];
  host.answer([](const HostCall&) { return -4096; });
  EXPECT_EQ(site_of([&] { run(__NR_read, 0, address_of(buffer), sizeof buffer); }), "host.answer");
  host.answer([](const HostCall&) { return -4095; });
  EXPECT_EQ(run(__NR_read, 0, address_of(buffer), sizeof buffer), -4095);
}

TEST(HostileHost, OnlyTheReturnedBytesReachTheProgram) {
  FakeHost host;
  char buffer[8] = "-------";
  host.answer([](const HostCall& call) {
    std::memset(reinterpret_cast<void*>(call.arguments[1]), 'x', 8);
    return 3;
  });
  EXPECT_EQ(run(__NR_read, 0, address_of(buffer), 8), 3);
  EXPECT_STREQ(buffer, "xxx----");
}

TEST(HostileHost, OpenThatReturnsAnOpenDescriptorStops) {
  FakeHost host;
  host.answer([](const HostCall&) { return 2; });
  EXPECT_EQ(site_of([&] { run(__NR_openat, static_cast<uint64_t>(-100), address_of("/state/x"), 0); }),
            "descriptors.host_reuse");
}

TEST(HostileHost, PathsOffTheListNeverReachTheHost) {
  FakeHost host;
  const auto before = host.calls();
  for (const char* path :
       {"/etc/passwd", "/state/../etc/passwd", "/statement", "relative", "/dev/attestation/../x", ""}) {
    EXPECT_EQ(run(__NR_openat, static_cast<uint64_t>(-100), address_of(path), 0), -ENOENT) << path;
  }
  EXPECT_EQ(host.calls(), before);
}

class HostileEpoll : public testing::Test {
 protected:
  struct __attribute__((packed)) Event {
    uint32_t events;
    uint64_t data;
  };
  HostileEpoll() {
    int next = 20;
    host_.answer([this, next](const HostCall& call) mutable -> int64_t {
      if (call.number == __NR_epoll_create1 || call.number == __NR_eventfd2) return next++;
      if (call.number == __NR_epoll_ctl) token_ = host_read<Event>(call.arguments[3]).data;
      return 0;
    });
    epoll_ = static_cast<uint64_t>(run(__NR_epoll_create1, 0));
    file_ = static_cast<uint64_t>(run(__NR_eventfd2, 0, 0));
    const Event event{EPOLLIN, 0x1234567890abcdef};
    EXPECT_EQ(run(__NR_epoll_ctl, epoll_, EPOLL_CTL_ADD, file_, address_of(&event)), 0);
  }
  int64_t wait(Event answer, int64_t count = 1) {
    host_.answer([=](const HostCall& call) {
      host_write(call.arguments[1], answer);
      return count;
    });
    return run(__NR_epoll_wait, epoll_, address_of(out_), 4, 0);
  }

  FakeHost host_;
  uint64_t epoll_, file_, token_ = 0;
  Event out_[4] = {};
};

TEST_F(HostileEpoll, TheHostNeverSeesUserDataAndCannotChooseIt) {
  EXPECT_NE(token_, 0x1234567890abcdefu);
  EXPECT_EQ(wait({EPOLLIN, token_}), 1);
  EXPECT_EQ(uint64_t{out_[0].data}, 0x1234567890abcdefu);
}

TEST_F(HostileEpoll, ForgedDataStops) {
  EXPECT_EQ(site_of([&] { wait({EPOLLIN, token_ + 1}); }), "events.forged_epoll_data");
  EXPECT_EQ(site_of([&] { wait({EPOLLIN, 0x1234567890abcdef}); }), "events.forged_epoll_data");
}

TEST_F(HostileEpoll, EventsNobodyAskedForAreDropped) {
  EXPECT_EQ(wait({EPOLLIN | EPOLLOUT | EPOLLPRI, token_}), 1);
  EXPECT_EQ(out_[0].events, uint32_t{EPOLLIN});
  EXPECT_EQ(wait({EPOLLOUT, token_}), 0);
}

TEST_F(HostileEpoll, MoreEventsThanAskedStop) {
  EXPECT_EQ(site_of([&] { wait({EPOLLIN, token_}, 5); }), "host.answer");
}

TEST_F(HostileEpoll, EventsOfAClosedDescriptorAreDropped) {
  run(__NR_close, file_);
  EXPECT_EQ(wait({EPOLLIN, token_}), 0);
}

TEST(HostileHost, PollResultsAreCutToWhatWasAsked) {
  FakeHost host;
  pollfd entries[2] = {{0, POLLIN, 0}, {-1, POLLIN, 0}};
  host.answer([](const HostCall& call) {
    host_write(call.arguments[0], pollfd{7, POLLIN, static_cast<short>(0x7fff)});
    host_write(call.arguments[0] + sizeof(pollfd), pollfd{7, POLLIN, static_cast<short>(0x7fff)});
    return 2;
  });
  EXPECT_EQ(run(__NR_poll, address_of(entries), 2, 0), 1);
  EXPECT_EQ(entries[0].revents, POLLIN | POLLERR | POLLHUP | POLLNVAL);
  EXPECT_EQ(entries[0].fd, 0);
  EXPECT_EQ(entries[1].revents, 0);
}

TEST(HostileHost, AddressesLargerThanTheirRoomStop) {
  FakeHost host;
  host.answer([](const HostCall& call) {
    host_write(call.arguments[2], uint32_t{129});
    return 0;
  });
  char address[200];
  uint32_t size = sizeof address;
  EXPECT_EQ(site_of([&] { run(__NR_getsockname, 0, address_of(address), address_of(&size)); }),
            "sockets.address_size");
}

TEST(HostileHost, OptionsLargerThanTheirRoomStop) {
  FakeHost host;
  host.answer([](const HostCall& call) {
    host_write(call.arguments[4], uint32_t{5});
    return 0;
  });
  int value;
  uint32_t size = sizeof value;
  EXPECT_EQ(
      site_of([&] { run(__NR_getsockopt, 0, SOL_SOCKET, SO_ERROR, address_of(&value), address_of(&size)); }),
      "sockets.option_size");
}

TEST(HostileHost, DirectoryRecordsThatRunOverTheEndStop) {
  FakeHost host;
  char buffer[256];
  for (uint16_t length : {uint16_t{0}, uint16_t{19}, uint16_t{33}, uint16_t{0xffff}}) {
    host.answer([length](const HostCall& call) {
      char record[32] = {};
      std::memcpy(record + 16, &length, sizeof length);
      std::memcpy(reinterpret_cast<void*>(call.arguments[1]), record, sizeof record);
      return 32;
    });
    EXPECT_EQ(site_of([&] { run(__NR_getdents64, 0, address_of(buffer), sizeof buffer); }),
              "files.directory_record")
        << length;
  }
}

TEST(HostileHost, DirectoryNamesWithoutEndStop) {
  FakeHost host;
  char buffer[256];
  host.answer([](const HostCall& call) {
    char record[32];
    std::memset(record, 'a', sizeof record);
    record[16] = 32;
    record[17] = 0;
    std::memcpy(reinterpret_cast<void*>(call.arguments[1]), record, sizeof record);
    return 32;
  });
  EXPECT_EQ(site_of([&] { run(__NR_getdents64, 0, address_of(buffer), sizeof buffer); }),
            "files.directory_record");
}

TEST(HostileHost, MonotonicTimeNeverGoesBack) {
  FakeHost host;
  int64_t seconds = 1'000'000;
  host.answer([&](const HostCall& call) {
    host_write(call.arguments[1], Timespec{seconds, 5});
    return 0;
  });
  const uint64_t first = monotonic_ns();
  seconds = 10;
  EXPECT_GE(monotonic_ns(), first);
}

TEST(ClockModel, ExtrapolatesBetweenAnswersAndAsksAgainInTime) {
  ClockModel model;
  uint64_t monotonic = 0, realtime = 0;
  EXPECT_FALSE(model.read(1000, &monotonic, &realtime));
  model.anchor(0, 1'000'000, 7'000'000);
  EXPECT_FALSE(model.read(1000, &monotonic, &realtime));  // no rate yet
  model.anchor(40'000'000, 21'000'000, 27'000'000);       // 2 ticks per ns
  ASSERT_TRUE(model.read(40'002'000, &monotonic, &realtime));
  EXPECT_NEAR(static_cast<double>(monotonic), 21'001'000, 1);
  EXPECT_NEAR(static_cast<double>(realtime), 27'001'000, 1);
  EXPECT_FALSE(model.read(39'000'000, &monotonic, &realtime));  // a counter that went back
  EXPECT_FALSE(model.read(40'000'000 + 2 * ClockModel::kAgeMaxNs + 10, &monotonic, &realtime));  // too old
}

TEST(HostileHost, ImpossibleTimesStop) {
  FakeHost host;
  for (const Timespec time :
       {Timespec{-1, 0}, Timespec{1, 1'000'000'000}, Timespec{1, -1}, Timespec{int64_t{1} << 60, 0}}) {
    host.answer([time](const HostCall& call) {
      host_write(call.arguments[1], time);
      return 0;
    });
    EXPECT_EQ(site_of([] { realtime_ns(); }), "time.range");
  }
}

TEST(HostileHost, SocketsNeedTheNetworkInTheManifest) {
  FakeHost host;
  host.layout_page().manifest_flags = 0;
  EXPECT_EQ(run(__NR_socket, AF_INET, SOCK_STREAM, 0), -EACCES);
  EXPECT_EQ(run(__NR_socket, AF_UNIX, SOCK_STREAM, 0), -EACCES);
}

TEST(HostileHost, AHostThreadBlockInsideTheEnclaveStops) {
  FakeHost host;
  Thread& thread = self();
  EXPECT_EQ(site_of([&] { adopt_host(thread, reinterpret_cast<HostThread*>(4096)); }), "host.thread_block");
  HostThread block{};
  block.bounce_address = 1 << 20;  // inside
  block.bounce_size = kBounceSizeMin;
  EXPECT_EQ(site_of([&] { adopt_host(thread, &block); }), "host.bounce");
}

TEST(Cpuid, IsNarrowedToXfrmAndKeepsAesWhateverTheHostSays) {
  const CpuidAnswer all{~0u, ~0u, ~0u, ~0u};
  EXPECT_EQ(narrow_cpuid(7, 0, all).ebx >> 16 & 1, 0u);  // AVX-512F
  EXPECT_EQ(narrow_cpuid(7, 0, all).edx >> 24 & 1, 0u);  // AMX
  EXPECT_EQ(narrow_cpuid(1, 0, {}).ecx >> 25 & 1, 1u);   // AES-NI
  EXPECT_EQ(narrow_cpuid(1, 0, {}).ecx >> 30 & 1, 1u);   // RDRAND
  EXPECT_EQ(narrow_cpuid(0xd, 0, all), (CpuidAnswer{7, 832, 832, 0}));
  EXPECT_EQ(narrow_cpuid(0x12, 0, all), CpuidAnswer{});
}

}  // namespace
}  // namespace clemmys::shield
