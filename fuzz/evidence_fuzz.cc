// Quotes and collateral. A quote has one encoding; no change of a genuine quote or of its certification makes
// the verifier say anything but what was quoted.
#include "attest/collateral.h"
#include "attest/quote.h"
#include "attest/tcb.h"
#include "attest/testing/testdata.h"
#include "attest/verifier.h"
#include "fuzz.h"

namespace clemmys::fuzz {
namespace {

using attest::testing::kRealQuoteTimeUnixS;

enum Selector : std::uint8_t { kQuote, kCollateral, kTcbInfo, kQeIdentity, kDate, kSelectors };

const attest::Collateral& collateral() {
  static const attest::Collateral genuine = attest::testing::real_collateral();
  return genuine;
}

void try_quote(ByteView input) {
  const auto quote = attest::parse_quote(input);
  if (!quote) return;
  CHECK(equal_constant_time(attest::serialize_quote(*quote), input));
  static const Bytes genuine = attest::testing::real_quote();
  static const attest::Verifier verifier(collateral(), attest::Trust{});
  if (verifier.verify(input, kRealQuoteTimeUnixS)) {
    CHECK(
        equal_constant_time(attest::signed_part(*quote), ByteView(genuine).first(attest::kQuoteSignedSize)));
  }
}

void try_collateral(ByteView input) {
  const auto parsed = attest::collateral_from_json(as_text(input));
  if (!parsed) return;
  const std::string text = attest::collateral_to_json(*parsed);
  const auto again = attest::collateral_from_json(text);
  CHECK(again.has_value() && attest::collateral_to_json(*again) == text);
}

void try_date(ByteView input) {
  const auto date = attest::unix_from_date(as_text(input));
  if (date) CHECK(attest::date_from_unix(*date) == as_text(input));
}

attest::PckFields platform() {
  attest::PckFields fields;
  fields.components.fill(0xff);
  fields.pcesvn = 0xffff;
  fields.fmspc.bytes = {0x00, 0xa0, 0x67, 0x11, 0x00, 0x00};
  return fields;
}

}  // namespace

std::vector<Bytes> seeds() {
  return {tagged(kQuote, attest::testing::real_quote()),
          tagged(kCollateral, as_bytes(attest::collateral_to_json(collateral()))),
          tagged(kTcbInfo, as_bytes(collateral().tcb_info)),
          tagged(kQeIdentity, as_bytes(collateral().qe_identity)),
          tagged(kDate, as_bytes("2025-06-19T10:56:11Z"))};
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  namespace attest = clemmys::attest;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kQuote:
      try_quote(input);
      break;
    case kCollateral:
      try_collateral(input);
      break;
    case kTcbInfo:
      (void)attest::judge_platform(clemmys::as_text(input), platform(), kRealQuoteTimeUnixS);
      break;
    case kQeIdentity:
      (void)attest::judge_quoting_enclave(clemmys::as_text(input), {}, kRealQuoteTimeUnixS);
      break;
    default:
      try_date(input);
      break;
  }
  return 0;
}
