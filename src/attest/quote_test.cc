#include "attest/quote.h"

#include <gtest/gtest.h>

#include "attest/testing/testdata.h"

namespace clemmys::attest {
namespace {

TEST(QuoteFormat, RoundTripsARealQuoteByteForByte) {
  const Bytes bytes = testing::real_quote();
  const auto quote = parse_quote(bytes);
  ASSERT_TRUE(quote.has_value()) << to_string(quote.error());
  EXPECT_EQ(quote->vendor, kIntelQuoteVendor);
  EXPECT_EQ(quote->qe_svn, 10);
  EXPECT_EQ(quote->pce_svn, 15);
  EXPECT_EQ(quote->authentication_data.size(), 32u);
  EXPECT_EQ(serialize_quote(*quote), bytes);
}

TEST(QuoteFormat, RefusesEveryTruncationAndTrailingBytes) {
  const Bytes bytes = testing::real_quote();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(parse_quote(ByteView(bytes).first(size)).has_value()) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(parse_quote(longer).has_value());
}

TEST(QuoteFormat, RefusesOtherVersionsKeyTypesReservedBitsAndCertificationTypes) {
  const std::size_t certification_type_offset = kQuoteSignedSize + 4 + 64 + 64 + 384 + 64 + 2 + 32;
  for (const std::size_t offset :
       {std::size_t{0}, std::size_t{2}, std::size_t{4}, certification_type_offset}) {
    Bytes bytes = testing::real_quote();
    bytes[offset] ^= 4;
    const auto quote = parse_quote(bytes);
    ASSERT_FALSE(quote.has_value()) << offset;
    EXPECT_EQ(quote.error().code, ErrorCode::kCorrupt);
  }
}

TEST(QuoteFormat, RefusesOversizedInput) {
  Bytes bytes = testing::real_quote();
  bytes.resize(kQuoteSizeMax + 1);
  EXPECT_EQ(parse_quote(bytes).error().site, "attest.quote.size");
}

TEST(P256, SignsAndVerifiesAndRestoresFromItsScalar) {
  const auto key = P256Key::generate();
  ASSERT_TRUE(key.has_value());
  const auto restored = P256Key::from_scalar(*key->private_scalar());
  ASSERT_TRUE(restored.has_value());
  EXPECT_EQ(restored->public_key(), key->public_key());
  const auto signature = restored->sign(as_bytes("message"));
  ASSERT_TRUE(signature.has_value());
  EXPECT_TRUE(p256_verify(key->public_key(), as_bytes("message"), *signature).has_value());
  EXPECT_FALSE(p256_verify(key->public_key(), as_bytes("massage"), *signature).has_value());
}

TEST(P256, RefusesPointsOffTheCurveAndScalarsOutOfRange) {
  EXPECT_EQ(p256_verify(P256Public{}, as_bytes("x"), P256Signature{}).error().site, "attest.p256.point");
  EXPECT_FALSE(P256Key::from_scalar(Secret<32>{}).has_value());
  Secret<32> ones;
  std::memset(ones.mutable_view().data(), 0xff, 32);
  EXPECT_FALSE(P256Key::from_scalar(ones).has_value());
}

}  // namespace
}  // namespace clemmys::attest
