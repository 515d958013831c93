// quoting_enclave.h: turns REPORTs of enclaves on this machine into quotes that others can check. Its word is
// good because its own REPORT, which names its key, is certified under the machine's PCK certificate. It
// trusts no request: a REPORT counts only by its MAC. Trust: trusted. Threads: one.
#pragma once

#include <memory>
#include <string>

#include "attest/quote_maker.h"
#include "attest/quote_protocol.h"
#include "attest/quoting/report_device.h"

namespace clemmys::attest {

class QuotingEnclave {
 public:
  // start learns its own identity and opens or makes the attestation key in `sealed_key_path`.
  static Result<QuotingEnclave> start(std::unique_ptr<ReportDevice> device,
                                      const std::string& sealed_key_path);

  // answer serves one request frame (quote_protocol.h) and never fails: errors are answers.
  Bytes answer(ByteView request);

 private:
  QuotingEnclave(std::unique_ptr<ReportDevice> device, QuoteMaker maker, const sgx::ReportBody& self);
  Result<Bytes> serve(ByteView request);
  Bytes target_info() const;
  Result<Bytes> quote(ByteView report_bytes);
  Result<Bytes> own_report(ByteView target_bytes);
  Result<Bytes> certification(ByteView payload);

  std::unique_ptr<ReportDevice> device_;
  QuoteMaker maker_;
  sgx::ReportBody self_;  // carries maker_.qe_report_data()
};

}  // namespace clemmys::attest
