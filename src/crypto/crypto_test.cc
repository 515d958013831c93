#include "crypto/crypto.h"

#include <gtest/gtest.h>

namespace clemmys::crypto {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }
Key key(std::string_view text) { return Key::from(hex(text)).value(); }

class Crypto : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(initialize()); }
};

TEST_F(Crypto, MatchesSha2ExamplesOfFips180) {
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256({as_bytes("a"), {}, as_bytes("bc")}), sha256(as_bytes("abc")));
  EXPECT_EQ(to_hex(sha512({as_bytes("ab"), as_bytes("c")})),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_F(Crypto, MatchesHkdfCases1To3OfRfc5869) {
  const Bytes ikm(22, 0x0b);
  const Bytes salt = hex("000102030405060708090a0b0c"), info = hex("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(to_hex(hkdf_sha256(ikm, salt, info).view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  EXPECT_EQ(to_hex(hmac_sha256(salt, {ikm}).view()),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  Bytes out(42);
  hkdf_expand(hmac_sha256(salt, {ikm}).view(), info, out);
  EXPECT_EQ(to_hex(out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  Bytes counting(256);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::uint8_t>(i);
  const ByteView all = counting;
  Bytes longer(82);
  hkdf_expand(hmac_sha256(all.subspan(0x60, 80), {all.first(80)}).view(), all.subspan(0xb0, 80), longer);
  EXPECT_EQ(to_hex(longer),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

  EXPECT_EQ(to_hex(hkdf_sha256(ikm, {}, {}).view()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST_F(Crypto, MatchesKeyedBlake2b256) {
  Bytes data(64);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i);
  const Key counting = Key::from(ByteView(data).first(32)).value();
  EXPECT_EQ(to_hex(keyed_digest(counting, data)),
            "7f46f043d63dfb3c9b1102c8824b632cae1fce453e3c0e9dc9e7113f3c1acc36");
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
TEST_F(Crypto, MatchesAes256GcmCases) {
  Bytes out;
  aes256gcm_seal(Key(), {}, {}, {}, out);
  EXPECT_EQ(to_hex(out), "530f8afbc74536b9a963b4f1c4cb738b");
  out.clear();
  aes256gcm_seal(Key(), {}, {}, Bytes(16), out);
  EXPECT_EQ(to_hex(out), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");

  const Key secret = key("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const Nonce nonce = Nonce::from(hex("cafebabefacedbaddecaf888")).value();
  const Bytes aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plaintext =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
          "b16aedf5aa0de657ba637b39");
  const std::string expected =
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
      "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";
  out.clear();
  aes256gcm_seal(secret, nonce, aad, plaintext, out);
  EXPECT_EQ(to_hex(out), expected);
  EXPECT_EQ(aes256gcm_open(secret, nonce, aad, out).value(), plaintext);

  Bytes in_place = plaintext;
  AesGcmTag tag;
  aes256gcm_seal_in_place(secret, nonce, aad, in_place, tag);
  EXPECT_EQ(to_hex(in_place) + to_hex(tag), expected);
}

TEST_F(Crypto, GcmRefusesEveryBitFlipAndTruncation) {
  const Key secret = random_key();
  const Bytes aad = to_bytes("aad");
  Bytes sealed;
  aes256gcm_seal(secret, {}, aad, as_bytes("plaintext"), sealed);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    EXPECT_EQ(aes256gcm_open(secret, {}, aad, changed).error().code, ErrorCode::kCorrupt);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(aes256gcm_open(secret, {}, aad, ByteView(sealed).first(size)));
  }
  EXPECT_FALSE(aes256gcm_open(secret, {}, as_bytes("aae"), sealed));
  EXPECT_FALSE(aes256gcm_open(random_key(), {}, aad, sealed));
}

TEST_F(Crypto, MatchesX25519OfRfc7748Section6) {
  const X25519KeyPair alice =
      x25519_from_secret(key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const X25519KeyPair bob =
      x25519_from_secret(key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  EXPECT_EQ(to_hex(alice.public_key), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(bob.public_key), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const Key shared = x25519_dh(alice.secret, bob.public_key).value();
  EXPECT_EQ(to_hex(shared.view()), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_TRUE(shared == x25519_dh(bob.secret, alice.public_key).value());
}

TEST_F(Crypto, X25519RefusesSmallOrderKeys) {
  X25519Public small;
  EXPECT_FALSE(x25519_dh(random_key(), small));
  small.bytes[0] = 1;
  EXPECT_FALSE(x25519_dh(random_key(), small));
}

TEST_F(Crypto, MatchesEd25519OfRfc8032Test1) {
  const Ed25519KeyPair pair =
      ed25519_from_seed(key("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  EXPECT_EQ(to_hex(pair.public_key), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const Ed25519Signature signature = ed25519_sign(pair, {});
  EXPECT_EQ(to_hex(signature),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b");
  EXPECT_TRUE(ed25519_verify(pair.public_key, {}, signature));
  EXPECT_FALSE(ed25519_verify(pair.public_key, as_bytes("x"), signature));
  Ed25519Signature changed = signature;
  changed.bytes[40] ^= 1;
  EXPECT_FALSE(ed25519_verify(pair.public_key, {}, changed));
}

TEST_F(Crypto, RandomBytesDiffer) {
  EXPECT_FALSE(random_key() == random_key());
  EXPECT_FALSE(random_fixed<ActivationId>().is_zero());
}

}  // namespace
}  // namespace clemmys::crypto
