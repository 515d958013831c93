// Interfaces of Node and the web at their edges give what they give on Node, which says so at build time
// (interfaces/).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <regex>

#include "base/bytes.h"
#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime {
namespace {

const std::string kCases = CLEMMYS_SOURCE_DIR "/src/runtime/js/interfaces/",
                  kExpected = CLEMMYS_BINARY_DIR "/src/runtime/js/interfaces/";

using testing::text_of;

// cells_to_the_left: Node 18 (Debian 12's) puts the cells of console.table in the middle, later ones and we
// to the left: each cell's blanks go behind it.
std::string cells_to_the_left(const std::string& text) {
  static const std::regex cell("│( +)([^│\\n]*[^│ \\n]|)( +)(?=│)");
  return std::regex_replace(text, cell, "│$2$1$3");
}

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

// without_frames drops the lines of a stack, which say where a runtime's own code lies, and keeps what
// follows the last of them.
std::string without_frames(const std::string& text) {
  static const std::regex frame(R"(\n +(at |\.\.\. \d+ lines matching )[^\n]*?([ \]}{,]*)(?=\n|$))");
  return std::regex_replace(text, frame, "$2");
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
  const auto comparable = [](const std::string& text) { return without_frames(cells_to_the_left(text)); };
  EXPECT_EQ(comparable(output), comparable(text_of(kExpected + "output")));
  EXPECT_EQ(without_frames(errors), without_frames(text_of(kExpected + "errors")));
  EXPECT_NE(without_frames(output), output) << "errors show where they were made";
}

TEST(Interfaces, TracesSayTheErrorOnceAndWhereItWasMade) {
  const auto log = [](const std::string& code) {
    ::testing::internal::CaptureStderr();
    testing::fault(code);
    return ::testing::internal::GetCapturedStderr();
  };
  const std::string frame = "\n    at f (/action/index.js:1:";
  const std::string f = "const f = (c) => new TypeError('no', {cause: c}); ";
  for (const auto& [code, before] :
       {std::pair{"function main() { throw f(); }", ""},
        {"function main() { setTimeout(() => { throw f(); }, 1); return new Promise(() => {}); }",
         "Uncaught "},
        {"function main() { Promise.reject(f()); return new Promise(r => setTimeout(r, 50)); }",
         "Unhandled promise rejection: "},
        {"throw f();", "Error during initialization: "}}) {
    const std::string text = log(f + code);
    EXPECT_TRUE(text.starts_with(before + ("TypeError: no" + frame))) << text;
  }
  const std::string gathered = log(f + "function main() { throw new AggregateError([f(), 7], 'both'); }");
  EXPECT_TRUE(gathered.starts_with("AggregateError: both\n    at main")) << gathered;
  EXPECT_NE(gathered.find("\n  error: TypeError: no" + frame), std::string::npos) << gathered;
  EXPECT_NE(gathered.find("\n  error: 7\n"), std::string::npos) << gathered;
  EXPECT_LT(log("function main() { const e = new Error('loop'); e.cause = e; throw e; }").size(), 2'000u);
  const std::string caused = log(f + "function main() { throw f(new RangeError('why')); }");
  EXPECT_NE(caused.find("\n  cause: RangeError: why\n    at main (/action/index.js:1:"), std::string::npos)
      << caused;
}

}  // namespace
}  // namespace clemmys::runtime
