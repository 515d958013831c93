#include "wire/code.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "wire/kinds.h"

namespace clemmys::wire {
namespace {

constexpr std::string_view kSource = "function main(p) { return {greeting: 'Hello ' + p.name}; }";

CodeKey new_key() { return {crypto::random_fixed<CodeId>(), crypto::random_key()}; }

TEST(SealedCode, OpensUnderItsOwnKeyIdAndDigestAlone) {
  const CodeKey code = new_key();
  const Digest digest = crypto::sha256(as_bytes(kSource));
  Bytes sealed = seal_code(code, as_bytes(kSource));
  EXPECT_EQ(as_text(*open_code(code, digest, sealed)), kSource);
  EXPECT_EQ(as_text(sealed).find("greeting"), std::string_view::npos);

  EXPECT_FALSE(open_code({code.id, crypto::random_key()}, digest, sealed));
  EXPECT_FALSE(open_code({crypto::random_fixed<CodeId>(), code.key.copy()}, digest, sealed));
  const auto other = open_code(code, crypto::sha256(as_bytes("other")), sealed);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().site, "wire.code.digest");
  for (const std::size_t at : {std::size_t{0}, sealed.size() / 2, sealed.size() - 1}) {
    sealed[at] ^= 1;
    EXPECT_FALSE(open_code(code, digest, sealed)) << at;
    sealed[at] ^= 1;
  }
  EXPECT_FALSE(open_code(code, digest, ByteView(sealed).first(sealed.size() - 1)));
  EXPECT_FALSE(open_code(code, digest, {}));
}

TEST(SealedCode, OfTheLargestSizeFitsItsLimit) {
  const CodeKey code = new_key();
  const Bytes largest(kCodeSizeMax, 0x5a);
  const Bytes sealed = seal_code(code, largest);
  EXPECT_LE(sealed.size(), kSealedCodeSizeMax);
  EXPECT_EQ(open_code(code, crypto::sha256(largest), sealed)->size(), kCodeSizeMax);
}

TEST(Kinds, DefaultStandsForTheNewestAndUnknownOnesAreNamed) {
  EXPECT_EQ(find_kind("nodejs:default")->name, "nodejs:20");
  EXPECT_EQ(find_kind("nodejs:18")->name, "nodejs:18");
  EXPECT_TRUE(is_script("nodejs:20"));
  EXPECT_FALSE(is_script("native:1"));
  EXPECT_FALSE(find_kind("nodejs"));
  EXPECT_FALSE(find_kind("python:3.11"));
  EXPECT_FALSE(find_kind("native:default"));
  EXPECT_EQ(unknown_kind("cobol:1"), "kind 'cobol:1' not in Set(native:1, nodejs:18, nodejs:20, sequence)");
}

}  // namespace
}  // namespace clemmys::wire
