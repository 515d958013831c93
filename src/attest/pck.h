// pck.h: what a PCK certificate says about its machine: Intel's SGX extension, OID 1.2.840.113741.1.13.1.
// Source: Intel "SGX PCK Certificate and Certificate Revocation List Profile Specification". Inner header.
// Trust: shared.
#pragma once

#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::attest {

inline constexpr char kSgxExtensionOid[] = "1.2.840.113741.1.13.1";

using Fmspc = FixedBytes<6, struct FmspcTag>;
using PceId = FixedBytes<2, struct PceIdTag>;
using TcbComponents = std::array<std::uint8_t, 16>;

struct PckFields {
  TcbComponents components{};  // CPU SVN, one component each
  std::uint16_t pcesvn = 0;
  Fmspc fmspc;
  PceId pceid;
};

// pck_fields is kDenied when the extension is absent, repeated or malformed, or lacks one of the fields.
Result<PckFields> pck_fields(X509* certificate);

}  // namespace clemmys::attest
