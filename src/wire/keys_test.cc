#include <gtest/gtest.h>

#include <set>

#include "crypto/crypto.h"
#include "wire/definitions.h"
#include "wire/seal.h"

namespace clemmys::wire {
namespace {

TEST(Keys, DifferPerUsePositionAndDigest) {
  ASSERT_TRUE(crypto::initialize());
  const Key secret = crypto::random_key();
  const Digest digest = crypto::sha256(as_bytes("a")), other = crypto::sha256(as_bytes("b"));
  std::set<std::string> seen;
  for (const std::uint16_t i : std::initializer_list<std::uint16_t>{0, 1, 256}) {
    for (const Digest& chain : {digest, other}) {
      const Key back = return_key(secret, chain, i);
      seen.insert(to_hex(edge_key(secret, chain, i).view()));
      seen.insert(to_hex(back.view()));
      seen.insert(to_hex(receipt_key(back).view()));
    }
  }
  EXPECT_EQ(seen.size(), 18u);
}

TEST(Keys, NewActivationIdsSortByTimeAndDifferAtOneTime) {
  const auto first = new_activation_id(0x0102'0304'0506), again = new_activation_id(0x0102'0304'0506);
  EXPECT_EQ(to_hex(first.view().first(6)), "010203040506");
  EXPECT_NE(first, again);
  EXPECT_LT(to_hex(again.view()), to_hex(new_activation_id(0x0102'0304'0507).view()));
}

TEST(Keys, ComponentActivationsDependOnStepAndActivation) {
  const Key first = crypto::random_key(), second = crypto::random_key();
  const auto activation = crypto::random_fixed<ActivationId>();
  EXPECT_EQ(component_activation(first, activation), component_activation(first, activation));
  EXPECT_NE(component_activation(first, activation), component_activation(second, activation));
  EXPECT_NE(component_activation(first, activation),
            component_activation(first, crypto::random_fixed<ActivationId>()));
}

TEST(Receipt, CannotMoveBetweenActivationsChainsStepsOrChange) {
  const Key back = crypto::random_key();
  Header request;
  request.activation = crypto::random_fixed<ActivationId>();
  request.step = 2;
  const ReceiptEntry entry =
      make_receipt(back, request, crypto::random_key(), {}, {}, {}, as_bytes("in"), as_bytes("out"), 5);
  EXPECT_TRUE(receipt_is_genuine(back, request, 2, entry));
  EXPECT_FALSE(receipt_is_genuine(back, request, 1, entry));
  EXPECT_FALSE(receipt_is_genuine(crypto::random_key(), request, 2, entry));
  Header other = request;
  other.activation = crypto::random_fixed<ActivationId>();
  EXPECT_FALSE(receipt_is_genuine(back, other, 2, entry));
  other = request;
  other.chain_digest.bytes[0] = 1;
  EXPECT_FALSE(receipt_is_genuine(back, other, 2, entry));
  ReceiptEntry changed = entry;
  changed.cpu_ns = 6;
  EXPECT_FALSE(receipt_is_genuine(back, request, 2, changed));
  changed = entry;
  changed.output.bytes[31] ^= 1;
  EXPECT_FALSE(receipt_is_genuine(back, request, 2, changed));
}

TEST(Receipt, OutputOfOneStepIsInputOfTheNext) {
  const Key back = crypto::random_key(), blinding = crypto::random_key();
  const ReceiptEntry first = make_receipt(back, {}, blinding, {}, {}, {}, as_bytes("a"), as_bytes("b"), 0);
  const ReceiptEntry second = make_receipt(back, {}, blinding, {}, {}, {}, as_bytes("b"), as_bytes("c"), 0);
  EXPECT_EQ(first.output, second.input);
  EXPECT_NE(first.input, second.output);
}

TEST(ChainDigest, CoversNamespaceOrderAndEveryField) {
  std::vector<ChainStep> steps(2);
  steps[0].function.bytes[0] = 1;
  const NamespaceId space;
  const Digest digest = chain_digest(space, steps);
  std::vector<ChainStep> swapped = {steps[1], steps[0]};
  EXPECT_NE(chain_digest(space, swapped), digest);
  NamespaceId other;
  other.bytes[3] = 1;
  EXPECT_NE(chain_digest(other, steps), digest);
  for (int field = 0; field < 4; ++field) {
    std::vector<ChainStep> changed = steps;
    (field == 0   ? changed[1].function.bytes[5]
     : field == 1 ? changed[1].image.bytes[5]
     : field == 2 ? changed[1].code.bytes[5]
                  : changed[1].parameters.bytes[5]) ^= 1;
    EXPECT_NE(chain_digest(space, changed), digest) << field;
  }
  steps[0].action = "renamed";
  EXPECT_EQ(chain_digest(space, steps), digest);
}

TEST(Blob, GivesBackWhatWasSealedAndHidesItsSize) {
  const Key key = crypto::random_key();
  const Bytes blob = seal_blob(key, as_bytes("aad"), as_bytes("record"));
  EXPECT_EQ(to_hex(open_blob(key, as_bytes("aad"), blob).value()), to_hex(as_bytes("record")));
  EXPECT_EQ(blob.size(), seal_blob(key, {}, {}).size());
  EXPECT_EQ(as_text(blob).find("record"), std::string_view::npos);
}

TEST(Blob, RefusesOtherKeysOtherAadAndEveryBitFlip) {
  const Key key = crypto::random_key();
  const Bytes blob = seal_blob(key, as_bytes("aad"), as_bytes("record"));
  EXPECT_FALSE(open_blob(crypto::random_key(), as_bytes("aad"), blob));
  EXPECT_FALSE(open_blob(key, as_bytes("aae"), blob));
  for (std::size_t bit = 0; bit < blob.size() * 8; ++bit) {
    Bytes changed = blob;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    ASSERT_FALSE(open_blob(key, as_bytes("aad"), changed)) << bit;
  }
  for (std::size_t size = 0; size < blob.size(); ++size)
    ASSERT_FALSE(open_blob(key, as_bytes("aad"), ByteView(blob).first(size)));
}

}  // namespace
}  // namespace clemmys::wire
