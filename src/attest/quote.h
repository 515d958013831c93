// quote.h: the ECDSA quote, format version 3, as bytes and as fields. One encoding per value: parse accepts
// exactly what serialize writes. Nothing here judges; verifier.h does. Trust: shared. Source: Intel "SGX
// ECDSA QuoteLibReference", appendix A ("Quote Format"). All integers little-endian.
#pragma once

#include "attest/p256.h"
#include "base/bytes.h"
#include "base/result.h"
#include "sgx/arch.h"

namespace clemmys::attest {

inline constexpr std::uint16_t kQuoteVersion = 3;
inline constexpr std::uint16_t kAttestationKeyEcdsaP256 = 2;
inline constexpr std::uint16_t kCertificationPckChain =
    5;  // PEM: PCK leaf, intermediate, root; may end with one NUL
inline constexpr std::size_t kQuoteSizeMax = 16 * 1024;
inline constexpr std::size_t kQuoteHeaderSize = 48;
inline constexpr std::size_t kQuoteSignedSize = kQuoteHeaderSize + sizeof(sgx::ReportBody);
inline constexpr std::size_t kAuthenticationDataSizeMax = 1024;

using VendorId = FixedBytes<16, struct VendorIdTag>;
// kIntelQuoteVendor names who defined the format (Intel's quote library), not who made the machine.
inline constexpr VendorId kIntelQuoteVendor{
    {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07}};

// Quote is every field that may vary. version, key type, reserved field and certification type are fixed by
// this format.
struct Quote {
  std::uint16_t qe_svn = 0, pce_svn = 0;
  VendorId vendor = kIntelQuoteVendor;
  FixedBytes<20, struct QuoteUserDataTag> user_data;  // QE id and zeros
  sgx::ReportBody report{};                           // the enclave that is quoted
  P256Signature signature;                            // by attestation_key over header ‖ report
  P256Public attestation_key;
  sgx::ReportBody
      qe_report{};  // the quoting enclave; reportdata = SHA-256(attestation_key ‖ authentication_data) ‖ 0³²
  P256Signature qe_report_signature;  // by the PCK key over qe_report
  Bytes authentication_data;
  Bytes certification;  // the PEM chain
};

// parse_quote gives kCorrupt for anything that is not exactly one quote of this version, key type and
// certification type.
Result<Quote> parse_quote(ByteView bytes);
Bytes serialize_quote(const Quote& quote);

// signed_part is header ‖ report: what attestation_key signs.
Bytes signed_part(const Quote& quote);
ByteView bytes_of(const sgx::ReportBody& body);
// attestation_key_digest is what the QE report's first 32 bytes of reportdata must be.
Digest attestation_key_digest(const Quote& quote);

}  // namespace clemmys::attest
