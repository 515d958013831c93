#include "shield/descriptors.h"

#include <gtest/gtest.h>

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

TEST(Watches, TokensOfRemovedRegistrationsAreStaleAndOthersForged) {
  FakeHost host;
  const auto epoll = static_cast<uint64_t>(adopt(10, Kind::kEpoll)),
             other = static_cast<uint64_t>(adopt(11, Kind::kEpoll));
  const auto file = static_cast<uint64_t>(adopt(12, Kind::kHost));
  uint64_t token = 0, token2 = 0;
  ASSERT_EQ(watch_add(epoll, file, 1, 0xfeed, &token), 0);
  EXPECT_EQ(watch_add(epoll, file, 1, 0, &token2), -EEXIST);
  Watch watch;
  EXPECT_EQ(watch_find(epoll, token, &watch), Token::kGood);
  EXPECT_EQ(watch.data, 0xfeedu);
  EXPECT_EQ(watch_find(other, token, &watch), Token::kForged);
  EXPECT_EQ(watch_find(epoll, token + 1, &watch), Token::kForged);
  EXPECT_EQ(watch_find(epoll, token + (2ull << 32), &watch), Token::kForged);
  ASSERT_EQ(watch_remove(epoll, file), 0);
  EXPECT_EQ(watch_find(epoll, token, &watch), Token::kStale);
  ASSERT_EQ(watch_add(epoll, file, 1, 0xbeef, &token2), 0);
  EXPECT_EQ(watch_find(epoll, token, &watch), Token::kStale);
  EXPECT_EQ(watch_find(epoll, token2, &watch), Token::kGood);
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
    Watch watch;
    ASSERT_EQ(watch_find(epoll, token, &watch), Token::kStale);
  }
}

}  // namespace
}  // namespace clemmys::shield
