#include "shield/descriptors.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

TEST(Descriptors, NumbersAreTheLowestFreeAndOurOwn) {
  FakeHost host;
  EXPECT_EQ(adopt(100, Kind::kHost), 4);
  EXPECT_EQ(adopt(200, Kind::kHost), 5);
  Descriptor was;
  EXPECT_TRUE(release(4, &was));
  EXPECT_EQ(was.host, 100);
  EXPECT_EQ(adopt(300, Kind::kHost), 4);
  EXPECT_EQ(host_of(4), 300);
  EXPECT_EQ(host_of(6), -EBADF);
}

TEST(Descriptors, RefuseADescriptorThatTheHostHandsOutTwice) {
  FakeHost host;
  adopt(100, Kind::kHost);
  EXPECT_THROW(adopt(100, Kind::kHost), Stopped);
  EXPECT_THROW(adopt(1, Kind::kHost), Stopped);
  EXPECT_THROW(adopt(int64_t{1} << 40, Kind::kHost), Stopped);
}

TEST(Descriptors, AFullTableIsEmfileAndNothingIsLost) {
  FakeHost host;
  for (uint64_t i = 4; i < kDescriptorsMax; ++i)
    ASSERT_EQ(adopt(static_cast<int64_t>(i + 10), Kind::kHost), static_cast<int64_t>(i));
  EXPECT_EQ(adopt(50000, Kind::kHost), -EMFILE);
  Descriptor was;
  EXPECT_TRUE(release(17, &was));
  EXPECT_EQ(adopt(50000, Kind::kHost), 17);
}

TEST(Descriptors, AnAcceptedConnectionWithoutRoomForItsAddressIsClosed) {
  FakeHost host;
  std::vector<std::uint64_t> closed;
  host.answer([&closed](const HostCall& call) -> std::int64_t {
    if (call.number == __NR_close) closed.push_back(call.arguments[0]);
    if (call.number != __NR_accept4) return 0;
    host_write(call.arguments[1], sockaddr_in{.sin_family = AF_INET});
    host_write(call.arguments[2], std::uint32_t{sizeof(sockaddr_in)});
    return 77;
  });
  const auto socket = static_cast<std::uint64_t>(adopt(100, Kind::kHost, AF_INET));
  std::uint32_t room = sizeof(sockaddr_in);
  constexpr std::uint64_t kNotTheProgram = 8;
  EXPECT_EQ(run(__NR_accept4, socket, kNotTheProgram, address_of(&room)), -EFAULT);
  EXPECT_EQ(closed, std::vector<std::uint64_t>{77});
}

// One event in an answer: how many the program sees of it.
uint64_t ready(uint64_t epoll, uint64_t token, uint32_t events = 1) {
  EpollEvent event{events, token};
  return watches_ready(epoll, &event, 1);
}

TEST(Watches, TokensOfRemovedRegistrationsAreStaleAndOthersForged) {
  FakeHost host;
  const auto epoll = static_cast<uint64_t>(adopt(10, Kind::kEpoll)),
             other = static_cast<uint64_t>(adopt(11, Kind::kEpoll));
  const auto file = static_cast<uint64_t>(adopt(12, Kind::kHost));
  uint64_t token = 0, token2 = 0;
  ASSERT_EQ(watch_add(epoll, file, 1, 0xfeed, &token), 0);
  EXPECT_EQ(watch_add(epoll, file, 1, 0, &token2), -EEXIST);
  EpollEvent event{1, token};
  EXPECT_EQ(watches_ready(epoll, &event, 1), 1u);
  EXPECT_EQ(uint64_t{event.data}, 0xfeedu);
  EXPECT_THROW(ready(other, token), Stopped);
  EXPECT_THROW(ready(epoll, token + 1), Stopped);
  EXPECT_THROW(ready(epoll, token + (2ull << 32)), Stopped);
  ASSERT_EQ(watch_remove(epoll, file), 0);
  EXPECT_EQ(ready(epoll, token), 0u);
  ASSERT_EQ(watch_add(epoll, file, 1, 0xbeef, &token2), 0);
  EXPECT_EQ(ready(epoll, token), 0u);
  EXPECT_EQ(ready(epoll, token2), 1u);
}

TEST(Watches, AOneShotRegistrationReportsOnceUntilItIsArmedAgain) {
  constexpr uint32_t kOneShot = 1u << 30;
  FakeHost host;
  const auto epoll = static_cast<uint64_t>(adopt(10, Kind::kEpoll));
  const auto file = static_cast<uint64_t>(adopt(12, Kind::kHost));
  uint64_t token = 0, token2 = 0;
  ASSERT_EQ(watch_add(epoll, file, 1 | kOneShot, 1, &token), 0);
  EXPECT_EQ(ready(epoll, token), 1u);
  EXPECT_EQ(ready(epoll, token), 0u);
  EXPECT_EQ(ready(epoll, token, kAlwaysReported), 0u);
  Watch before;
  ASSERT_EQ(watch_change(epoll, file, 1 | kOneShot, 2, &token2, &before), 0);
  EXPECT_EQ(ready(epoll, token), 0u) << "of before the change";
  EXPECT_EQ(ready(epoll, token2), 1u);
}

TEST(Watches, AChangeThatTheHostRefusedLeavesTheRegistrationAsItWas) {
  FakeHost host;
  const auto epoll = static_cast<uint64_t>(adopt(10, Kind::kEpoll));
  const auto file = static_cast<uint64_t>(adopt(12, Kind::kHost));
  uint64_t token = 0, token2 = 0;
  ASSERT_EQ(watch_add(epoll, file, 1, 7, &token), 0);
  Watch before;
  ASSERT_EQ(watch_change(epoll, file, 4, 8, &token2, &before), 0);
  watch_put_back(epoll, file, token2, before);
  EpollEvent event{5, token};
  EXPECT_EQ(watches_ready(epoll, &event, 1), 1u);
  EXPECT_EQ(event.events, 1u);
  EXPECT_EQ(uint64_t{event.data}, 7u);
}

TEST(Watches, ClosingEitherEndFreesTheRegistration) {
  FakeHost host;
  const auto epoll = static_cast<uint64_t>(adopt(10, Kind::kEpoll));
  for (int round = 0; round < 20000; ++round) {
    const auto file = static_cast<uint64_t>(adopt(12, Kind::kHost));
    uint64_t token = 0;
    ASSERT_EQ(watch_add(epoll, file, 1, 1, &token), 0);
    Descriptor was;
    ASSERT_TRUE(release(file, &was));
    ASSERT_EQ(ready(epoll, token), 0u);
  }
}

}  // namespace
}  // namespace clemmys::shield
