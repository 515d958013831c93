#include "runtime/js/snapshot.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/js/image_data.h"

namespace clemmys::runtime::js {
namespace {

TEST(Snapshot, ComesBackByteForByteAndRefusesWhatItDidNotWrite) {
  Bytes memory(64u << 10);
  for (const std::size_t at : {std::size_t{0}, std::size_t{1500}, std::size_t{40'000}, memory.size() - 1})
    memory[at] = 7;
  Snapshot snapshot;
  snapshot.pages = 1;
  capture(memory, snapshot);
  const Bytes bytes = encode(snapshot);
  const auto decoded = decode(bytes);
  ASSERT_TRUE(decoded.has_value());
  Bytes back(memory.size(), 0xff);
  lay_out(*decoded, back);
  EXPECT_EQ(back, memory);
  for (std::size_t size = 0; size < bytes.size(); size += 7)
    EXPECT_FALSE(decode(ByteView(bytes).first(size)).has_value());
  snapshot.pages = 0;
  EXPECT_FALSE(decode(encode(snapshot)).has_value()) << "content beyond its memory";
}

TEST(Snapshot, IsTheSameWhenItIsMadeAgain) {
  const std::string binaries = CLEMMYS_BINARY_DIR,
                    again = ::testing::TempDir() + "/clemmys-snapshot-again.bin";
  const std::string command =
      binaries + "/bin/js-snapshot " + binaries + "/src/runtime/js/bundle/prelude.js " + again;
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::ifstream file(again, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(again);
  EXPECT_TRUE(std::ranges::equal(as_bytes(bytes), initial_snapshot()));
}

}  // namespace
}  // namespace clemmys::runtime::js
