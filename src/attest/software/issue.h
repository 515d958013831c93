// issue.h: makes X.509 certificates and CRLs of the forms that Intel's provisioning chain has. Inner header
// of this folder (it shows OpenSSL's types). Trust: untrusted: it signs for a machine whose keys the host can
// read.
#pragma once

#include <string>
#include <vector>

#include "attest/openssl_types.h"
#include "attest/p256.h"
#include "attest/pck.h"

namespace clemmys::attest::software {

struct Credential {
  P256Key key;
  ossl::Certificate certificate;
};

enum class Profile : std::uint8_t { kRoot, kProcessorCa, kPck, kTcbSigning };

struct Validity {
  std::uint64_t not_before_unix_s, not_after_unix_s;
};

// issue_certificate makes a fresh key and its certificate; issuer is null for the root. `platform` goes into
// a PCK certificate.
Result<Credential> issue_certificate(Profile profile, const Credential* issuer, const PckFields& platform,
                                     Validity validity);

// issue_crl revokes the given certificates; DER.
Result<std::string> issue_crl(const Credential& issuer, const std::vector<X509*>& revoked, Validity validity);

std::string pem_of(X509* certificate);

}  // namespace clemmys::attest::software
