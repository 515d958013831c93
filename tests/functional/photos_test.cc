// The photograph through three enclaves gives what the same functions give in one ordinary process, byte for
// byte.
#include "photos.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "platform.h"

namespace clemmys::testing {
namespace {

TEST(Photos, TheChainsResultEqualsThatOfOneOrdinaryProcess) {
  const std::string photograph = read_text(CLEMMYS_SOURCE_DIR "/examples/photos/photo.jpg");
  ASSERT_GT(photograph.size(), 100'000u);
  const auto expected = photos::report(*photos::detect(*photos::scale(as_bytes(photograph))));
  ASSERT_TRUE(expected.has_value()) << expected.error();

  Platform platform;
  for (const char* step : {"scale", "detect", "report"}) platform.deploy(step, std::string("photos_") + step);
  platform.create_sequence("photos", {"scale", "detect", "report"});
  const Answer answer =
      platform.client().api("POST", "actions/photos?blocking=true&result=true", photograph, "image/jpeg");
  ASSERT_EQ(answer.status, 200u) << answer.body.substr(0, 500);
  EXPECT_EQ(answer.body, *expected);
}

TEST(Photos, AMistakeInTheMiddleEndsTheChainWithItsSentence) {
  Platform platform;
  for (const char* step : {"scale", "detect"}) platform.deploy(step, std::string("photos_") + step);
  platform.create_sequence("wrong", {"detect", "scale"});
  const Answer answer = platform.client().api("POST", "actions/wrong?blocking=true&result=true", "{}");
  EXPECT_EQ(answer.status, 502u) << answer.body;
  EXPECT_NE(boost::json::parse(answer.body).at("error").as_string().find("picture_jpeg_base64"),
            boost::json::string::npos)
      << answer.body;
}

}  // namespace
}  // namespace clemmys::testing
