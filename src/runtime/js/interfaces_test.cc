// Interfaces of Node and the web at their edges give what they give on Node, which says so at build time
// (interfaces/).
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime {
namespace {

const std::string kCases = CLEMMYS_SOURCE_DIR "/src/runtime/js/interfaces/",
                  kExpected = CLEMMYS_BINARY_DIR "/src/runtime/js/interfaces/";

using testing::text_of;

TEST(Interfaces, GiveTheSameResultsAsOnNode) {
  const auto script = testing::load(text_of(kCases + "interfaces.js"));
  ASSERT_TRUE(script);
  const auto expected = testing::outcomes(kExpected + "outcomes");
  for (const auto& [name, outcome] : expected) {
    const Reply reply = testing::call(*script, R"({"name":")" + name + R"("})");
    ASSERT_EQ(reply.kind, Reply::Kind::kAnswer) << name << ": " << reply.text;
    const boost::json::value answer = boost::json::parse(as_text(reply.body));
    EXPECT_EQ(answer.at("outcome").as_string(), outcome) << name;
  }
  EXPECT_GE(expected.size(), 45u);
}

TEST(Interfaces, ConsolePrintsWhatNodePrints) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto script = testing::load(text_of(kCases + "console.js") + "\nfunction main() {}");
  fflush(stdout);
  fflush(stderr);
  const std::string output = ::testing::internal::GetCapturedStdout();
  const std::string errors = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(script) << errors;
  EXPECT_EQ(output, text_of(kExpected + "output"));
  EXPECT_EQ(errors, text_of(kExpected + "errors"));
}

}  // namespace
}  // namespace clemmys::runtime
