// Popular npm packages in an action's archive give what they give on Node (packages/): Node itself says so at
// build time.
#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime {
namespace {

TEST(Packages, GiveTheSameResultsAsOnNode) {
  const std::string folder = std::string(CLEMMYS_BINARY_DIR) + "/src/runtime/js/packages_test/";
  const auto script = testing::load(testing::text_of(folder + "action.zip"));
  ASSERT_TRUE(script);
  const auto expected = testing::outcomes(folder + "expected.txt");
  for (const auto& [name, outcome] : expected) {
    const Reply reply = testing::call(*script, R"({"package":")" + name + R"("})");
    EXPECT_EQ(reply.kind == Reply::Kind::kAnswer ? as_text(reply.body) : reply.text, outcome) << name;
  }
  EXPECT_GE(expected.size(), 20u);
}

}  // namespace
}  // namespace clemmys::runtime
