#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "sgx/events.h"
#include "sgx/measurement.h"
#include "sgx/sigstruct.h"

namespace clemmys::sgx {
namespace {

const SigningKey& test_key() {
  static const SigningKey key = SigningKey::generate().value();
  return key;
}

Sigstruct signed_sigstruct() {
  SigstructTerms terms;
  terms.measurement.bytes.fill(0x5a);
  terms.attributes = {kAttributeMode64, 7};
  terms.attribute_mask = {~std::uint64_t{0}, ~std::uint64_t{0}};
  terms.product_id = 7;
  terms.security_version = 3;
  Sigstruct sigstruct = sigstruct_of(terms);
  EXPECT_TRUE(sign_sigstruct(sigstruct, test_key()));
  return sigstruct;
}

// The expected value: printf of the 64-byte record into sha256sum:
// printf 'ECREATE\0\x01\0\0\0\0\0\x01\0\0\0\0\0' then 44 zero bytes.
TEST(Measurement, EcreateRecordHashesAsSha256sumDoes) {
  EXPECT_EQ(to_hex(MeasurementLog(1, 0x10000).finish()),
            "03c79954895fe98c9bd1b86ebe8b7b1748b65bfc30085dd387cb4351e7de51e2");
}

// ECREATE, then EADD of a read-write page at 0x1000, then EEXTEND of 256 bytes 0x41 at 0x1000, into
// sha256sum.
TEST(Measurement, AddAndExtendHashAsSha256sumDoes) {
  MeasurementLog log(1, 0x10000);
  log.add(0x1000, secinfo_regular(kSecinfoRead | kSecinfoWrite));
  std::array<std::uint8_t, 256> chunk;
  chunk.fill(0x41);
  log.extend(0x1000, chunk);
  EXPECT_EQ(to_hex(log.finish()), "a7e8f9bde9657614648299de2aee4c36d6c396478e78cb9649ef7888c5f2f21a");
}

TEST(Measurement, PermissionsAndTypeChangeIt) {
  MeasurementLog a(1, 0x10000), b(1, 0x10000), c(1, 0x10000);
  a.add(0, secinfo_regular(kSecinfoRead));
  b.add(0, secinfo_regular(kSecinfoRead | kSecinfoExecute));
  c.add(0, secinfo_tcs());
  EXPECT_NE(a.finish(), b.finish());
  EXPECT_NE(a.finish(), c.finish());
}

TEST(Events, EachHasItsNameOnce) {
  Events events;
  for (const NamedEvent& event : kNamedEvents) {
    EXPECT_EQ(events.*event.count, 0u) << event.name << " counts what another one counts";
    events.*event.count = 1;
  }
}

TEST(Events, CostWhatWasPublished) {
  const std::uint64_t nothing = modelled_cycles({});
  EXPECT_EQ(nothing, 28'500u + 88'000u);  // ECREATE, EINIT
  EXPECT_EQ(modelled_cycles({.eadd = 2, .ewb = 1, .eldu = 3}), nothing + 2 * 12'500 + 4 * 9'500);
}

TEST(Sigstruct, SignedOneIsAccepted) {
  const Status status = check_sigstruct(signed_sigstruct());
  EXPECT_TRUE(status) << to_string(status.error());
}

TEST(Sigstruct, AnyChangedByteOfASampleIsRefused) {
  const Sigstruct good = signed_sigstruct();
  for (std::size_t offset = 0; offset < sizeof(Sigstruct); offset += 61) {
    Sigstruct bad = good;
    reinterpret_cast<std::uint8_t*>(&bad)[offset] ^= 0x10;
    // ISVEXTPRODID's neighbours and swdefined are signed, too: there is no byte that may change.
    EXPECT_FALSE(check_sigstruct(bad)) << offset;
  }
}

TEST(Sigstruct, RefusesExponent65537) {
  Sigstruct bad = signed_sigstruct();
  bad.exponent = 65537;
  EXPECT_FALSE(check_sigstruct(bad));
}

TEST(Sigstruct, SignerIsTheHashOfTheModulus) {
  const Sigstruct sigstruct = signed_sigstruct();
  SignerId expected;
  SHA256(reinterpret_cast<const std::uint8_t*>(&sigstruct) + 128, 384, expected.bytes.data());
  EXPECT_EQ(signer_of(sigstruct), expected);
}

TEST(Sigstruct, SigningIsDeterministic) {
  const Sigstruct a = signed_sigstruct(), b = signed_sigstruct();
  EXPECT_EQ(std::memcmp(&a, &b, sizeof a), 0);
}

TEST(SigningKey, SurvivesPem) {
  const SigningKey again = SigningKey::from_pem(test_key().to_pem().value()).value();
  Sigstruct a = signed_sigstruct(), b = sigstruct_of({});
  ASSERT_TRUE(sign_sigstruct(b, again));
  EXPECT_EQ(signer_of(a), signer_of(b));
}

TEST(SigningKey, RefusesOtherText) {
  EXPECT_FALSE(SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
}

}  // namespace
}  // namespace clemmys::sgx
