// image_again_test.cc: the generic image, built once more from nothing in another folder: without a compiler
// cache, by the commands of this build. Whoever checks a measurement does the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sgx/image.h"

namespace clemmys {
namespace {

namespace fs = std::filesystem;

Measurement measurement_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto image = sgx::parse_image(as_bytes(bytes));
  EXPECT_TRUE(image.has_value()) << path;
  return image ? image->measurement : Measurement();
}

TEST(GenericImage, HasTheSameMeasurementWhenItIsBuiltElsewhere) {
  std::string pattern = ::testing::TempDir() + "/clemmys-again-XXXXXX";
  const fs::path root = mkdtemp(pattern.data()), source = root / "another" / "place", build = root / "built";
  fs::create_directories(source);
  for (const char* part : {"CMakeLists.txt", "cmake", "src", "sdk"})
    fs::copy(fs::path(CLEMMYS_SOURCE_DIR) / part, source / part, fs::copy_options::recursive);
  const std::string log = (root / "log").string();
  const std::string command =
      "export CCACHE_DISABLE=1 npm_config_prefer_offline=true; exec >" + log + " 2>&1; cmake -G Ninja -S " +
      source.string() + " -B " + build.string() +
      " -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19"
      " -DCMAKE_ASM_COMPILER=clang-19 && ninja -C " +
      build.string() + " js_image";
  if (std::system(command.c_str()) != 0) {
    std::system(("tail -n 20 " + log + " >&2").c_str());
    FAIL() << "it does not build";
  }
  EXPECT_EQ(measurement_of(build / "images/js.sgx"),
            measurement_of(fs::path(CLEMMYS_BINARY_DIR) / "images/js.sgx"));
  fs::remove_all(root);
}

}  // namespace
}  // namespace clemmys
