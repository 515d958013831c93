#include <gtest/gtest.h>

#include "base/codec.h"

namespace clemmys {
namespace {

TEST(Codec, RoundTripsEveryFieldType) {
  Writer writer;
  writer.u8(1);
  writer.u16(0x0203);
  writer.u64(0x1122334455667788);
  writer.boolean(true);
  writer.text("abc");
  Reader reader(writer.bytes());
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.u64(), 0x1122334455667788u);
  EXPECT_TRUE(reader.boolean());
  EXPECT_EQ(reader.text(), "abc");
  EXPECT_TRUE(reader.finish("test").has_value());
}

TEST(Codec, RefusesTrailingBytesShortInputAndOddBooleans) {
  const Bytes two = {1, 2};
  Reader trailing(two);
  trailing.u8();
  EXPECT_FALSE(trailing.finish("test").has_value());
  Reader shorter(two);
  shorter.u32();
  EXPECT_FALSE(shorter.finish("test").has_value());
  Reader odd(ByteView(two).subspan(1));
  odd.boolean();
  EXPECT_FALSE(odd.finish("test").has_value());
}

TEST(Codec, RefusesACountThatTheInputCannotHold) {
  Writer writer;
  writer.u32(1'000'000);
  Reader reader(writer.bytes());
  EXPECT_EQ(reader.count(1), 0u);
  EXPECT_FALSE(reader.ok());
}

TEST(Hex, AcceptsOneEncodingPerValue) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0xff}), "00ff");
  EXPECT_EQ(*from_hex("00ff"), (Bytes{0x00, 0xff}));
  EXPECT_FALSE(from_hex("00FF").has_value());
  EXPECT_FALSE(from_hex("0").has_value());
}

TEST(Secret, IsWipedWhenMovedFrom) {
  Key first;
  first.mutable_view()[0] = 7;
  Key second = std::move(first);
  EXPECT_EQ(second.view()[0], 7);
  EXPECT_EQ(first.view()[0],
            0);  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): it is tested
}

Result<int> half(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kInvalid, "test.half"};
  return value / 2;
}
Result<int> quarter(int value) { return half(TRY(half(value))); }

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().site, "test.half");
}

}  // namespace
}  // namespace clemmys
