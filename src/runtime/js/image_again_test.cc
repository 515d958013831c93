// image_again_test.cc: the generic image, built once more in another folder, by the commands of this build
// and with an empty compiler cache. A cache that rewrites paths (CCACHE_BASEDIR) does so in both: CHECK has
// the names of files. Whoever checks a measurement does the same.
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
  const fs::path root = mkdtemp(pattern.data()), source = root / "another" / "place";
  fs::create_directories(source);
  for (const char* part : {"CMakeLists.txt", "CMakePresets.json", "cmake", "src", "sdk"})
    fs::copy(fs::path(CLEMMYS_SOURCE_DIR) / part, source / part, fs::copy_options::recursive);
  const std::string log = (root / "log").string(), place = source.string();
  const std::string command = "exec >" + log + " 2>&1; cd " + place + "; export CCACHE_DIR=" + root.string() +
                              "/cache npm_config_prefer_offline=true; [ -z \"$CCACHE_BASEDIR\" ] || export "
                              "CCACHE_BASEDIR=" +
                              place + "; cmake --preset release && ninja -C build/release js_image";
  if (std::system(command.c_str()) != 0) {
    std::system(("tail -n 20 " + log + " >&2").c_str());
    FAIL() << "it does not build";
  }
  EXPECT_EQ(measurement_of(source / "build/release/images/js.sgx"),
            measurement_of(fs::path(CLEMMYS_BINARY_DIR) / "images/js.sgx"));
  fs::remove_all(root);
}

}  // namespace
}  // namespace clemmys
