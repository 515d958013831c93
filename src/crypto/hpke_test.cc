// Vectors: the test-vector file published with RFC 9180, entry mode 0, kem_id 32, kdf_id 1, aead_id 2.
#include "crypto/hpke.h"

#include <gtest/gtest.h>

namespace clemmys::crypto {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

const Bytes kInfo = hex("4f6465206f6e2061204772656369616e2055726e");
const Bytes kPlaintext = hex("4265617574792069732074727574682c20747275746820626561757479");

X25519KeyPair recipient() {
  return x25519_from_secret(
      Key::from(hex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")).value());
}
HpkeSender sender() {
  const X25519KeyPair ephemeral = x25519_from_secret(
      Key::from(hex("179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11")).value());
  return hpke_setup_sender(recipient().public_key, kInfo, ephemeral).value();
}

TEST(Hpke, SealsAsInRfc9180) {
  ASSERT_TRUE(initialize());
  HpkeSender side = sender();
  EXPECT_EQ(to_hex(side.enc), "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256");
  const std::pair<const char*, const char*> kCases[] = {
      {"436f756e742d30",
       "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"},
      {"436f756e742d31",
       "2c43aff25343fdbff864506f0818b9d87df84ea01b1a2144d23b4d40c26bf655fdf197fe40297a8aebeed5cc2d"},
      {"436f756e742d32",
       "e0a8f2cf92ff61215edbb8c55dc31fe9e2eb42a5685867bb6854211542099f9e940c4b41c192bc390835b1a5f7"},
      {"436f756e742d33",
       "a8ea1deafbe4935d0d484a026301a339d4668c43c37f5e289bf758c7aeb3e2812d0321c12b71978855883420c0"},
  };
  HpkeContext opener = hpke_setup_recipient(side.enc, recipient(), kInfo).value();
  for (const auto& [aad, ciphertext] : kCases) {
    EXPECT_EQ(to_hex(side.context.seal(hex(aad), kPlaintext)), ciphertext);
    EXPECT_EQ(opener.open(hex(aad), hex(ciphertext)).value(), kPlaintext);
  }
}

TEST(Hpke, ExportsAsInRfc9180) {
  ASSERT_TRUE(initialize());
  const HpkeSender side = sender();
  EXPECT_EQ(to_hex(side.context.export_secret({}).view()),
            "ded6cffafaea6b812cbf3e241e88332adbc077aca81512914213810ee291770a");
  EXPECT_EQ(to_hex(side.context.export_secret(hex("00")).view()),
            "04d3cb6cc116b28ffd22ad5bc276c60d31fec71ceb87ae24db811c64b7507339");
  EXPECT_EQ(to_hex(side.context.export_secret(as_bytes("TestContext")).view()),
            "7c5ded445732c14fe09727d29b4251c0fd38455fe8440571e687f0886aac94d2");
}

TEST(Hpke, RefusesReplayReorderAndOtherInfo) {
  ASSERT_TRUE(initialize());
  HpkeSender side = hpke_setup_sender(recipient().public_key, kInfo).value();
  HpkeContext opener = hpke_setup_recipient(side.enc, recipient(), kInfo).value();
  const Bytes first = side.context.seal({}, kPlaintext), second = side.context.seal({}, kPlaintext);
  EXPECT_FALSE(opener.open({}, second));
  EXPECT_TRUE(opener.open({}, first));
  EXPECT_FALSE(opener.open({}, first));
  EXPECT_TRUE(opener.open({}, second));
  HpkeContext other = hpke_setup_recipient(side.enc, recipient(), as_bytes("other")).value();
  EXPECT_FALSE(other.open({}, first));
  EXPECT_FALSE(hpke_setup_sender({}, kInfo));
  EXPECT_FALSE(hpke_setup_recipient({}, recipient(), kInfo));
}

}  // namespace
}  // namespace clemmys::crypto
