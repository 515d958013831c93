#include "runtime/wasi/output.h"

#include <gtest/gtest.h>

namespace clemmys::runtime::wasi {
namespace {

struct Result {
  std::string answer;
  std::size_t size = 0;
  std::vector<std::string> log;
};

Result output_of(const std::vector<std::string>& pieces, std::size_t size_max = 1000) {
  Result result;
  Output output([&](std::string_view line) { result.log.emplace_back(line); }, size_max);
  for (const std::string& piece : pieces) output.append(piece);
  const Output::Line line = output.take();
  result.answer = as_text(line.text);
  result.size = line.size;
  return result;
}

TEST(WasiOutput, LastLineIsTheAnswerAndEarlierOnesAreLogged) {
  EXPECT_EQ(output_of({}).answer, "");
  EXPECT_EQ(output_of({"{}"}).answer, "{}");
  EXPECT_EQ(output_of({"{}\n"}).answer, "{}");
  const Result result = output_of({"fi", "rst\nsecond\n\n{\"a\"", ":1}", "\n  \r\n\n"});
  EXPECT_EQ(result.answer, "{\"a\":1}");
  EXPECT_EQ(result.log, (std::vector<std::string>{"first", "second"}));
}

TEST(WasiOutput, LinesAreCutAtTheLimitAndSaySo) {
  const Result result = output_of({"123456", "789\n", "abcdefg", "hij"}, 8);
  EXPECT_EQ(result.log, (std::vector<std::string>{"12345678"}));
  EXPECT_EQ(result.answer, "abcdefgh");
  EXPECT_EQ(result.size, 10u);
}

}  // namespace
}  // namespace clemmys::runtime::wasi
