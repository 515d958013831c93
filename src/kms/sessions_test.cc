#include "kms/sessions.h"

#include <gtest/gtest.h>

namespace clemmys::kms {
namespace {

SessionId id(std::uint8_t number) { return {{number}}; }
Session session(std::uint8_t number) {
  return {wire::Role::kFunction, {}, wire::SessionCipher(id(number), {}, {}), {}, 0, 0};
}

TEST(Sessions, GiveUpTheOneIdleLongest) {
  Sessions sessions(2);
  ASSERT_TRUE(sessions.add(session(1), 0));
  ASSERT_TRUE(sessions.add(session(2), 0));
  ASSERT_NE(sessions.use(id(1), 10), nullptr);
  ASSERT_TRUE(sessions.add(session(3), Sessions::kIdleMs));
  EXPECT_EQ(sessions.use(id(2), 20), nullptr);
  EXPECT_NE(sessions.use(id(1), 20), nullptr);
  EXPECT_NE(sessions.use(id(3), 20), nullptr);
  EXPECT_EQ(sessions.size(), 2u);
}

TEST(Sessions, RefuseNewOnesRatherThanEndThoseInUse) {
  Sessions sessions(2);
  ASSERT_TRUE(sessions.add(session(1), 1000));
  ASSERT_TRUE(sessions.add(session(2), 1000));
  EXPECT_EQ(sessions.add(session(3), 1000 + Sessions::kIdleMs - 1).error().code, ErrorCode::kExhausted);
  EXPECT_NE(sessions.use(id(1), 2000), nullptr);
}

TEST(Sessions, ForgetAnEndedOne) {
  Sessions sessions;
  ASSERT_TRUE(sessions.add(session(1), 0));
  sessions.end(id(1));
  sessions.end(id(1));
  EXPECT_EQ(sessions.use(id(1), 0), nullptr);
  EXPECT_EQ(sessions.size(), 0u);
}

}  // namespace
}  // namespace clemmys::kms
