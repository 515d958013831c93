#include "needles.h"

#include <gtest/gtest.h>

namespace clemmys::testing {
namespace {

constexpr std::string_view kMarker = "marker of 21 letters!";

TEST(Needles, FindsAMarkerInEveryEncoding) {
  Needles needles;
  needles.add_text("marker", kMarker);
  // Made by other programs: xxd, base64, iconv, python's json and urllib.
  for (const std::string_view text :
       {"…marker of 21 letters!…", "..6d61726b6572206f66203231206c65747465727321..",
        "..6D61726B6572206F66203231206C65747465727321..",
        "bWFya2VyIG9mIDIxIGxldHRlcnMh",          // at 0
        "eG1hcmtlciBvZiAyMSBsZXR0ZXJzIXg=",      // "x" before and behind
        "eHhtYXJrZXIgb2YgMjEgbGV0dGVycyF4eA==",  // "xx"
        "%6D%61%72%6B%65%72%20%6F%66%20%32%31%20%6C%65%74%74%65%72%73%21"}) {
    EXPECT_EQ(needles.search(as_bytes(text)).size() > 0, true) << text;
  }
  std::string wide;
  for (const char letter : kMarker) wide += std::string{letter, '\0'};
  EXPECT_FALSE(needles.search(as_bytes(wide)).empty());
}

TEST(Needles, FindsAPieceOfLargeData) {
  Bytes data(100'000);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : data)
    byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  Needles needles;
  needles.add_data("data", data);
  EXPECT_FALSE(needles.search(ByteView(data).subspan(50'000, 600)).empty());
  Bytes other(data.rbegin(), data.rend());
  EXPECT_TRUE(needles.search(other).empty());
}

TEST(Needles, FindsNothingInOtherText) {
  Needles needles;
  needles.add_text("marker", kMarker);
  EXPECT_TRUE(needles.search(as_bytes("marker of 22 letters! and much else")).empty());
}

}  // namespace
}  // namespace clemmys::testing
