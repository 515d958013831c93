#include "crypto/base64.h"

#include <gtest/gtest.h>

namespace clemmys::crypto {
namespace {

// RFC 4648 section 10.
TEST(Base64, MatchesTheRfc) {
  for (const auto& [clear, encoded] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"", ""},
                                                                            {"f", "Zg=="},
                                                                            {"fo", "Zm8="},
                                                                            {"foo", "Zm9v"},
                                                                            {"foob", "Zm9vYg=="},
                                                                            {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(as_bytes(clear)), encoded);
    EXPECT_EQ(as_text(*from_base64(encoded)), clear);
  }
}

TEST(Base64, HasOneEncodingPerValue) {
  for (const std::string_view text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zg==\n", " Zg==", "Zm9v\n",
                                      "Z===", "====", "=", "a", "ab=c", "ab-_", "Zg==Zg==", "Zg==="})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Base64, AppendsWhatIsLarge) {
  const Bytes bytes(3'000'001, 0xa5);
  std::string text = "Basic ";
  append_base64(text, bytes);
  EXPECT_EQ(from_base64(std::string_view(text).substr(6)).value(), bytes);
}

}  // namespace
}  // namespace clemmys::crypto
