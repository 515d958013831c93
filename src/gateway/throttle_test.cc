#include "gateway/throttle.h"

#include <gtest/gtest.h>

#include <vector>

namespace clemmys::gateway {
namespace {

constexpr std::uint64_t kMinute = 60'000, kStart = 30'000'000 * kMinute;

NamespaceId owner(std::uint8_t number) {
  NamespaceId id;
  id.bytes[0] = number;
  return id;
}

TEST(Throttle, WithoutLimitsAdmitsEverything) {
  Throttle throttle({});
  for (int i = 0; i < 1'000; ++i) {
    Throttle::Ticket ticket;
    EXPECT_FALSE(throttle.admit(owner(1), kStart, ticket));
  }
}

TEST(Throttle, LimitsANamespacesActivationsAtOneTime) {
  Throttle throttle({.concurrent = 2});
  std::vector<Throttle::Ticket> open(2);
  for (Throttle::Ticket& ticket : open) EXPECT_FALSE(throttle.admit(owner(1), kStart, ticket));
  Throttle::Ticket refused, other;
  const auto refusal = throttle.admit(owner(1), kStart, refused);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->text, "Too many concurrent requests in flight (count: 3, allowed: 2).");
  EXPECT_FALSE(throttle.admit(owner(2), kStart, other));
  open.pop_back();
  EXPECT_FALSE(throttle.admit(owner(1), kStart, refused));
}

TEST(Throttle, LimitsANamespacesActivationsInAMinute) {
  Throttle throttle({.per_minute = 3});
  Throttle::Ticket ticket;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(throttle.admit(owner(1), kStart + 15'000, ticket));
  const auto refusal = throttle.admit(owner(1), kStart + 15'000, ticket);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->text, "Too many requests in the last minute (count: 4, allowed: 3).");
  EXPECT_EQ(refusal->retry_after_s, 45u);
  EXPECT_FALSE(throttle.admit(owner(2), kStart + 15'000, ticket));
  EXPECT_FALSE(throttle.admit(owner(1), kStart + kMinute, ticket));
}

}  // namespace
}  // namespace clemmys::gateway
