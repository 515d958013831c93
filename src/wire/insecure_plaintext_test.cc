// Only in builds with CLEMMYS_INSECURE_PLAINTEXT.
#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "wire/envelope.h"

namespace clemmys::wire {
namespace {

TEST(InsecurePlaintext, ShowsWhatOtherBuildsSealAndIsStillDecoded) {
  ASSERT_TRUE(crypto::initialize());
  const Key key = crypto::random_key();
  Header header;
  header.steps = 1;
  header.receiver.bytes[0] = header.image.bytes[0] = 1;
  Payload payload;
  payload.body = to_bytes("plain for all to see");
  const Bytes envelope = seal(header, key, payload);
  EXPECT_NE(as_text(envelope).find("plain for all to see"), std::string_view::npos);
  EXPECT_EQ(open(envelope, key).value().body, payload.body);

  const Bytes blob = seal_blob(key, as_bytes("aad"), as_bytes("plain record"));
  EXPECT_NE(as_text(blob).find("plain record"), std::string_view::npos);
  EXPECT_EQ(as_text(open_blob(key, as_bytes("aad"), blob).value()), "plain record");
}

}  // namespace
}  // namespace clemmys::wire
