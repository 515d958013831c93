#include "photos.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>

namespace photos {
namespace {

std::vector<std::uint8_t> photograph() {
  std::ifstream file(CLEMMYS_SOURCE_DIR "/examples/photos/photo.jpg", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Photos, FindsTheFourCornersOfASquare) {
  Picture picture{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 20)};
  for (int y = 20; y < 44; ++y) {
    for (int x = 20; x < 44; ++x) {
      const auto pixel = static_cast<std::size_t>(y) * 64 + static_cast<std::size_t>(x);
      std::fill_n(&picture.rgb[3 * pixel], 3, std::uint8_t{220});
    }
  }
  const auto corners = detect_corners(picture, 10, 8);
  ASSERT_EQ(corners.size(), 4u);
  for (const Corner& corner : corners) {
    EXPECT_LE(std::min(std::abs(corner.x - 20), std::abs(corner.x - 43)), 2) << corner.x;
    EXPECT_LE(std::min(std::abs(corner.y - 20), std::abs(corner.y - 43)), 2) << corner.y;
  }
}

TEST(Photos, AFlatPictureHasNoCorners) {
  EXPECT_TRUE(detect_corners({64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 90)}, 10, 8).empty());
}

TEST(Photos, ReportsOnThePhotograph) {
  const auto scaled = scale(photograph());
  ASSERT_TRUE(scaled.has_value()) << scaled.error();
  const auto detected = detect(*scaled);
  ASSERT_TRUE(detected.has_value()) << detected.error();
  const auto reported = report(*detected);
  ASSERT_TRUE(reported.has_value()) << reported.error();
  const auto value = boost::json::parse(*reported);
  EXPECT_EQ(value.at("original").at("width").as_int64(), 2056);
  EXPECT_LE(value.at("height").as_int64(), 800);
  EXPECT_EQ(value.at("count").as_int64(), 200);
  EXPECT_LT(reported->size(), 1u << 20) << "must fit the platform's default payload";
}

TEST(Photos, BadInputGetsASentence) {
  EXPECT_FALSE(scale({}).has_value());
  EXPECT_FALSE(detect("[]").has_value());
  EXPECT_FALSE(detect("{\"picture_jpeg_base64\":\"AAAA\"}").has_value());
  auto damaged = photograph();
  damaged.resize(100);
  EXPECT_FALSE(scale(damaged).has_value());
}

}  // namespace
}  // namespace photos
