#include "runtime/wasm/guard.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "runtime/wasm/sandbox.h"

namespace clemmys::wasm {
namespace {

TEST(Guard, ReservationsAreKnownWhileTheyLast) {
  std::uint8_t* const base = reserve();
  ASSERT_NE(base, nullptr);
  EXPECT_TRUE(is_reserved(base));
  EXPECT_TRUE(is_reserved(base + kReservedSize - 1));
  EXPECT_FALSE(is_reserved(base + kReservedSize));
  EXPECT_FALSE(is_reserved(base - 1));
  EXPECT_FALSE(is_reserved(nullptr));
  give_up(base);
  EXPECT_FALSE(is_reserved(base));
}

TEST(Guard, WhatIsClosedComesBackEmpty) {
  std::uint8_t* const base = reserve();
  ASSERT_TRUE(open_range(base, 0, kPageSize));
  std::memset(base, 7, kPageSize);
  ASSERT_TRUE(close_range(base, 0, kPageSize));
  ASSERT_TRUE(open_range(base, 0, kPageSize));
  EXPECT_EQ(base[0], 0);
  std::memset(base, 7, kPageSize);
  clear(base + 5, 2 * 4096);
  EXPECT_EQ(base[4], 7);
  EXPECT_EQ(base[5], 0);
  EXPECT_EQ(base[4 + 2 * 4096], 0);
  EXPECT_EQ(base[5 + 2 * 4096], 7);
  give_up(base);
}

// A fault outside of all guards is a bug of ours, and must end the process as it always did.
TEST(Guard, FaultsElsewhereAreNotTraps) {
  const auto stray = [] {
    wasm_rt_memory_t memory;
    const MemoryLimit limit(kPageSize);
    wasm_rt_allocate_memory(&memory, 1, 1);
    const auto* const nothing = reinterpret_cast<const volatile int*>(16);
    enter([nothing] { static_cast<void>(*nothing); });
  };
  EXPECT_EXIT(stray(), ::testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace clemmys::wasm
