#include "cli/evidence.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "attest/collateral.h"
#include "cli/outcome.h"
#include "crypto/base64.h"
#include "crypto/crypto.h"
#include "wire/kms_api.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

Error not_trusted(std::string_view site, std::string why, std::string to_do) {
  return failure(ErrorCode::kDenied, site, std::move(why), std::move(to_do));
}

const std::string* text_member(const json::object& object, std::string_view name, std::string& place) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return nullptr;
  place.assign(value->get_string());
  return &place;
}

// last_certificate is the DER of the last certificate of a PEM chain: its root.
Result<Bytes> last_certificate(const std::string& pem_chain) {
  const std::unique_ptr<BIO, Deleter<BIO_free_all>> input(
      BIO_new_mem_buf(pem_chain.data(), static_cast<int>(pem_chain.size())));
  Bytes der;
  for (;;) {
    const std::unique_ptr<X509, Deleter<X509_free>> certificate(
        PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    const int size = i2d_X509(certificate.get(), nullptr);
    if (size <= 0) break;
    der.resize(static_cast<std::size_t>(size));
    unsigned char* cursor = der.data();
    i2d_X509(certificate.get(), &cursor);
  }
  if (der.empty()) return Error{ErrorCode::kCorrupt, "cli.trust.collateral.chain"};
  return der;
}

}  // namespace

Result<Evidence> evidence_from_json(ByteView body) {
  boost::system::error_code error;
  const json::value parsed = json::parse(as_text(body), error);
  const auto bad = [] {
    return not_trusted("cli.trust.evidence.format", "the platform's evidence cannot be read",
                       "check that the address is a Clemmys platform");
  };
  if (error || !parsed.is_object()) return bad();
  const json::object& object = parsed.get_object();
  std::string quote, authority, policy, collateral;
  if (!text_member(object, "quote", quote) || !text_member(object, "ca_certificate", authority) ||
      !text_member(object, "root_policy", policy) || !text_member(object, "collateral", collateral)) {
    return bad();
  }
  const auto collateral_bytes = crypto::from_base64(collateral);
  auto quote_bytes = crypto::from_base64(quote), authority_bytes = crypto::from_base64(authority);
  if (!quote_bytes || !authority_bytes || !collateral_bytes) return bad();
  return Evidence{*std::move(quote_bytes), *std::move(authority_bytes), std::move(policy),
                  std::string(as_text(*collateral_bytes))};
}

Result<VerifiedEvidence> verify_evidence(const Evidence& evidence, const Nonce32& nonce,
                                         const Expectation& expectation, std::uint64_t now_unix_s) {
  const auto collateral = attest::collateral_from_json(evidence.collateral);
  if (!collateral)
    return not_trusted("cli.trust.collateral",
                       "the collateral of the evidence cannot be read: " + collateral.error().detail,
                       "report this to the operator");

  attest::Trust trust{.insecure_accept_software_sgx = expectation.insecure_accept_software_sgx,
                      .software_root_der = expectation.software_root_der};
  if (trust.insecure_accept_software_sgx && trust.software_root_der.empty()) {
    trust.software_root_der = TRY(last_certificate(collateral->tcb_info_issuer_chain));
  }
  const auto identity = attest::verify_quote(evidence.quote, *collateral, trust, now_unix_s);
  if (!identity) {
    return not_trusted(
        "cli.trust.quote",
        "the key service did not prove that it runs in an SGX enclave: " + to_string(identity.error()),
        expectation.insecure_accept_software_sgx ? "do not use this platform"
                                                 : "do not use this platform; if it is a development machine "
                                                   "without SGX, and you accept that its operator "
                                                   "sees everything, add --insecure-accept-software-sgx");
  }
  if (identity->debug)
    return not_trusted("cli.trust.debug",
                       "the key service's enclave is a debug enclave: its operator can read it",
                       "do not use this platform");

  VerifiedEvidence verified{.kms = *identity, .root_policy = crypto::sha256(as_bytes(evidence.root_policy))};
  const auto report =
      wire::kms_report_data(crypto::sha256(evidence.authority_der), verified.root_policy, nonce.view());
  if (!std::ranges::equal(report.view(), identity->report_data.view())) {
    return not_trusted("cli.trust.binding",
                       "the quote is not about this certificate authority, root policy and nonce",
                       "do not use this platform: someone is in between");
  }
  if (!expectation.kms.empty()) {
    if (std::ranges::find(expectation.kms, identity->measurement) == expectation.kms.end()) {
      return not_trusted(
          "cli.trust.measurement",
          "the key service is another program than expected: measurement " + to_hex(identity->measurement),
          "compare with the release that you audited or built; use --expect-measurement for another one");
    }
    verified.measurement_was_expected = true;
  }
  if (expectation.root_policy && *expectation.root_policy != verified.root_policy) {
    return not_trusted("cli.trust.root_policy",
                       "the root policy changed: its digest is " + to_hex(verified.root_policy),
                       "read the new policy; run clemmys trust add again if you accept it");
  }
  if (identity->root == attest::Root::kSoftware)
    verified.software_root = crypto::sha256(trust.software_root_der);
  return verified;
}

Result<Evidence> fetch_evidence(const Url& url, const Nonce32& nonce) {
  const HttpRequest request{.target = "/clemmys/v1/evidence?nonce=" + to_hex(nonce)};
  const HttpResponse response = TRY(exchange_unverified(url, request, std::chrono::seconds(20)));
  if (response.status != 200) {
    return failure(ErrorCode::kUnavailable, "cli.trust.evidence.status",
                   url.text() + " gave no evidence (HTTP status " + std::to_string(response.status) + ")",
                   "check that the address is a Clemmys platform");
  }
  return evidence_from_json(response.body);
}

}  // namespace clemmys::cli
