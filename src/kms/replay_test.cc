// replay_test.cc: a restart with many functions. The time goal is in README.md ("Numbers"):
// below a second on a quiet machine; the test allows more, for busy ones, and prints what it took.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "kms/changes.h"
#include "kms/journal.h"
#include "kms/testing/test_kms.h"

namespace clemmys::kms {
namespace {

TEST(Replay, RestartsWith100000Functions) {
  constexpr int kFunctions = 100'000, kGroup = 500;
  testing::World world;
  Key root = crypto::random_key();
  {
    State state;
    auto journal = *Journal::open(world.folder.path(), root, *world.anchor,
                                  [](const JournalRecord&) { return Status(); });
    std::vector<JournalEntry> group;
    const auto change = [&](Delta delta) {
      group.push_back({"gateway", encode(delta)});
      ASSERT_TRUE(state.apply(std::move(delta)));
      if (group.size() == kGroup) ASSERT_TRUE(journal->append(1, std::exchange(group, {})));
    };
    change(std::move(create_namespace({state, {}, 1}, "ns")->delta));
    for (int i = 0; i < kFunctions; ++i) {
      const auto action =
          testing::native_action("ns", "function" + std::to_string(i),
                                 {{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8), 1}});
      change(std::move(*put_action({state, {}, 1}, {action, 0})));
    }
    ASSERT_TRUE(journal->append(1, std::move(group)));
  }
  const auto start = std::chrono::steady_clock::now();
  State state;
  const auto journal =
      Journal::open(world.folder.path(), root, *world.anchor, [&](const JournalRecord& record) -> Status {
        for (const JournalEntry& entry : record.entries) {
          auto delta = decode_delta(entry.operation);
          if (!delta) return delta.error();
          TRY(state.apply(std::move(*delta)));
        }
        return {};
      });
  ASSERT_TRUE(journal);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("replayed %zu functions in %.3f s\n", state.action_count(), took.count());
  EXPECT_EQ(state.action_count(), static_cast<std::size_t>(kFunctions));
  EXPECT_LT(took.count(), 10.0);
}

}  // namespace
}  // namespace clemmys::kms
