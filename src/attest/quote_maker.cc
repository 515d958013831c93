#include "attest/quote_maker.h"

#include <algorithm>

#include "base/check.h"

namespace clemmys::attest {

QuoteMaker::QuoteMaker(P256Key key, Bytes authentication_data) : key_(std::move(key)) {
  CHECK(authentication_data.size() <= kAuthenticationDataSizeMax);
  template_.attestation_key = key_.public_key();
  template_.authentication_data = std::move(authentication_data);
}

ReportData QuoteMaker::qe_report_data() const {
  ReportData data;
  std::ranges::copy(attestation_key_digest(template_).bytes, data.bytes.begin());
  return data;
}

Status QuoteMaker::certify(const sgx::ReportBody& qe_report, const P256Signature& signature,
                           Bytes pem_chain) {
  if (!std::ranges::equal(qe_report.reportdata, qe_report_data().bytes)) {
    return Error{ErrorCode::kDenied, "attest.quote_maker.binding"};
  }
  if (pem_chain.size() > kQuoteSizeMax / 2) return Error{ErrorCode::kTooLarge, "attest.quote_maker.chain"};
  template_.qe_report = qe_report;
  template_.qe_report_signature = signature;
  template_.certification = std::move(pem_chain);
  template_.qe_svn = qe_report.isvsvn;
  certified_ = true;
  return {};
}

Result<Bytes> QuoteMaker::quote(const sgx::ReportBody& report) const {
  if (!certified_) return Error{ErrorCode::kUnavailable, "attest.quote_maker.uncertified"};
  Quote quote = template_;
  quote.report = report;
  quote.signature = TRY(key_.sign(signed_part(quote)));
  return serialize_quote(quote);
}

}  // namespace clemmys::attest
