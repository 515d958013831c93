#include "controller/fair_share.h"

#include <gtest/gtest.h>

namespace clemmys::controller {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

// held_alone is how many instances a namespace gets that asks for ever more, while others hold `others`.
std::uint64_t held_alone(std::uint64_t all, std::uint64_t others) {
  const Resources size{1, 100, 10}, whole{all, all * 100, all * 10}, taken{others, others * 100, others * 10};
  Resources own;
  while ((own + taken + size).fits_into(whole) && may_hold(own, size, taken, whole)) own += size;
  return own.instances;
}

TEST(FairShare, LeavesRoomForANewcomer) {
  EXPECT_EQ(held_alone(64, 0), 48u);
  EXPECT_EQ(held_alone(64, 48), 12u);
  EXPECT_EQ(held_alone(64, 60), 3u);
  EXPECT_EQ(held_alone(64, 63), 1u);
}

TEST(FairShare, SmallMachinesAreNotHalved) {
  EXPECT_EQ(held_alone(1, 0), 1u);
  EXPECT_EQ(held_alone(2, 0), 2u);
  EXPECT_EQ(held_alone(4, 0), 3u);
}

TEST(FairShare, TheScarcestResourceDecides) {
  const Resources all{64, 1'000, 1'000}, none{};
  EXPECT_TRUE(may_hold({1, 100, 100}, {1, 100, 100}, none, all));
  EXPECT_FALSE(may_hold({1, 700, 100}, {1, 300, 100}, none, all));
  EXPECT_FALSE(may_hold({1, 100, 700}, {1, 100, 300}, none, all));
}

TEST(Usage, IsMemoryTimesTimeOfEndedAndRunningWork) {
  Usage usage;
  usage.begin(100, 5 * kMs);
  EXPECT_EQ(usage.at(5 * kMs), 0u);
  EXPECT_EQ(usage.at(7 * kMs), 200'000u);
  usage.begin(10, 7 * kMs);
  EXPECT_EQ(usage.at(8 * kMs), 310'000u);
  usage.end(100, 5 * kMs, 8 * kMs);
  EXPECT_EQ(usage.at(9 * kMs), 320'000u);
  usage.end(10, 7 * kMs, 9 * kMs);
  EXPECT_EQ(usage.at(100 * kMs), 320'000u);
}

TEST(Usage, AnAbsenceSavesNothingUp) {
  Usage usage;
  usage.catch_up(1'000, 0);
  EXPECT_EQ(usage.at(0), 1'000u);
  usage.catch_up(500, 0);
  EXPECT_EQ(usage.at(0), 1'000u);
}

}  // namespace
}  // namespace clemmys::controller
