// quote_maker.h: the signing half of a quoting enclave: holds the attestation key and its certification, and
// signs report bodies whose authenticity the caller has checked. Trust: shared code; the key lives where the
// object lives.
#pragma once

#include "attest/attester.h"
#include "attest/quote.h"

namespace clemmys::attest {

class QuoteMaker {
 public:
  // authentication_data is public and bound into the QE report; at most kAuthenticationDataSizeMax bytes.
  QuoteMaker(P256Key key, Bytes authentication_data);

  // qe_report_data is what the quoting enclave's own REPORT must carry: it names the attestation key.
  ReportData qe_report_data() const;
  const P256Key& key() const { return key_; }

  // certify installs the QE's report, the PCK signature over it and the PEM chain. kDenied unless the report
  // names this key.
  Status certify(const sgx::ReportBody& qe_report, const P256Signature& signature, Bytes pem_chain);

  // quote is kUnavailable before certify.
  Result<Bytes> quote(const sgx::ReportBody& report) const;

 private:
  P256Key key_;
  Quote template_;  // all that does not change from quote to quote
  bool certified_ = false;
};

}  // namespace clemmys::attest
