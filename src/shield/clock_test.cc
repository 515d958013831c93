#include "shield/clock.h"

#include <gtest/gtest.h>

namespace clemmys::shield {
namespace {

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

}  // namespace
}  // namespace clemmys::shield
