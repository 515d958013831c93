#include "shield/areas.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

namespace clemmys::shield {
namespace {

constexpr uint64_t kPages = 64, kPage = 4096, kBegin = 1 << 20;

struct Fixture {
  std::array<Area, 256> storage;
  Areas areas;
  Fixture() { areas.reset(storage.data(), storage.size(), kBegin, kBegin + kPages * kPage); }
};

TEST(Areas, NeighboursOfOneProtectionBecomeOne) {
  Fixture f;
  f.areas.set(kBegin, kBegin + kPage, 3);
  f.areas.set(kBegin + 2 * kPage, kBegin + 3 * kPage, 3);
  f.areas.set(kBegin + kPage, kBegin + 2 * kPage, 3);
  ASSERT_EQ(f.areas.count(), 1u);
  EXPECT_EQ(f.areas.at(0), (Area{kBegin, kBegin + 3 * kPage, 3}));
}

TEST(Areas, ProtectingTheMiddleSplitsAndNeverLosesAPage) {
  Fixture f;
  f.areas.set(kBegin, kBegin + 10 * kPage, 3);
  f.areas.set(kBegin + 4 * kPage, kBegin + 5 * kPage, 0);
  EXPECT_EQ(f.areas.count(), 3u);
  EXPECT_TRUE(f.areas.covered(kBegin, kBegin + 10 * kPage));
  EXPECT_EQ(f.areas.find(kBegin + 4 * kPage)->protection, 0u);
}

TEST(Areas, FreeRangeIsTheLowestThatFits) {
  Fixture f;
  f.areas.set(kBegin + kPage, kBegin + 2 * kPage, 3);
  EXPECT_EQ(f.areas.free_range(kPage, kBegin), kBegin);
  EXPECT_EQ(f.areas.free_range(2 * kPage, kBegin), kBegin + 2 * kPage);
  EXPECT_EQ(f.areas.free_range(kPages * kPage, kBegin), 0u);
}

// Against a map from page to protection.
TEST(Areas, AgreeWithAModelOverRandomOperations) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Fixture f;
    std::map<uint64_t, uint64_t> model;
    for (int step = 0; step < 60; ++step) {
      const uint64_t first = random() % kPages, last = first + 1 + random() % (kPages - first),
                     protection = random() % 3;
      const bool set = random() % 3 != 0;
      if (set)
        f.areas.set(kBegin + first * kPage, kBegin + last * kPage, protection);
      else
        f.areas.clear(kBegin + first * kPage, kBegin + last * kPage);
      for (uint64_t page = first; page < last; ++page) {
        if (set)
          model[page] = protection;
        else
          model.erase(page);
      }
      for (uint64_t page = 0; page < kPages; ++page) {
        const Area* area = f.areas.find(kBegin + page * kPage);
        ASSERT_EQ(area != nullptr, model.contains(page));
        if (area != nullptr) ASSERT_EQ(area->protection, model[page]);
      }
      for (uint64_t i = 1; i < f.areas.count(); ++i) {
        const Area left = f.areas.at(i - 1), right = f.areas.at(i);
        ASSERT_TRUE(left.end < right.begin ||
                    (left.end == right.begin && left.protection != right.protection));
      }
    }
  }
}

}  // namespace
}  // namespace clemmys::shield
