// certificate.h: X.509 chains and revocation lists, checked by OpenSSL as RFC 5280 says, at a given time and
// under one pinned root. Inner header: only .cc files of this folder include it (it shows OpenSSL's types).
// Trust: shared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attest/openssl_types.h"
#include "attest/p256.h"
#include "attest/verifier.h"
#include "attest/window.h"

namespace clemmys::attest {

// Chain is leaf first, root last, as PCS serves it.
using Chain = std::vector<ossl::Certificate>;

// parse_chain reads exactly `length` PEM certificates; a trailing NUL is allowed, as quotes carry one.
// kDenied otherwise.
Result<Chain> parse_chain(std::string_view pem, std::size_t length, std::string_view site);
// parse_crl reads DER or PEM.
Result<ossl::Crl> parse_crl(std::string_view text, std::string_view site);

// pinned_root says which pinned root `certificate` is, bit for bit; kDenied for any other, and for the
// software root when trust does not name it or lacks insecure_accept_software_sgx.
Result<Root> pinned_root(X509* certificate, const Trust& trust);

// check_chain verifies every signature, date, constraint and revocation at now_unix_s; the chain's last
// certificate is the anchor (the caller has pinned it). Every certificate, the root too, needs a CRL of its
// issuer that is valid then. Gives the time in which all of them are valid.
Result<Window> check_chain(const Chain& chain, const std::vector<X509_CRL*>& crls, std::uint64_t now_unix_s,
                           std::string_view site);

bool same_certificate(X509* left, X509* right);
std::string common_name(X509* certificate);  // empty when absent or not unique
Result<P256Public> public_key(X509* certificate);
Bytes der_of(X509* certificate);

}  // namespace clemmys::attest
