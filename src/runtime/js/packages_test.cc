// Popular npm packages in an action's archive give what they give on Node (packages/): Node itself says so at
// build time.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime {
namespace {

TEST(Packages, GiveTheSameResultsAsOnNode) {
  const std::string folder = std::string(CLEMMYS_BINARY_DIR) + "/src/runtime/js/packages_test/";
  std::ifstream file(folder + "action.zip", std::ios::binary);
  const std::string archive{std::istreambuf_iterator<char>(file), {}};
  const auto script = testing::load(archive);
  ASSERT_TRUE(script);
  std::ifstream expected(folder + "expected.txt");
  int packages = 0;
  for (std::string line; std::getline(expected, line); ++packages) {
    const std::size_t tab = line.find('\t');
    const std::string name = line.substr(0, tab);
    const Reply reply = testing::call(*script, R"({"package":")" + name + R"("})");
    EXPECT_EQ(reply.kind == Reply::Kind::kAnswer ? as_text(reply.body) : reply.text, line.substr(tab + 1))
        << name;
  }
  EXPECT_GE(packages, 20);
}

}  // namespace
}  // namespace clemmys::runtime
