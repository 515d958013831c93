// report_device.h: EREPORT and EGETKEY as the quoting enclave needs them. file_device() is the shield's
// /dev/attestation; tests use a software machine directly. Trust: trusted.
#pragma once

#include <memory>

#include "attest/attester.h"
#include "base/secret.h"
#include "sgx/arch.h"

namespace clemmys::attest {

using ReportKeyId = FixedBytes<32, struct ReportKeyIdTag>;

class ReportDevice {
 public:
  virtual ~ReportDevice() = default;
  // report is this enclave's REPORT for `target`.
  virtual Result<sgx::Report> report(const sgx::TargetInfo& target, const ReportData& report_data) = 0;
  // report_key checks REPORTs made for this enclave with this key id.
  virtual Result<Secret<16>> report_key(const ReportKeyId& key_id) = 0;
  // seal_key is bound to this machine and this measurement.
  virtual Result<Secret<16>> seal_key() = 0;
};

// file_device must be used by one thread: its files share state. Errors of its methods: kUnsupported outside
// an enclave.
std::unique_ptr<ReportDevice> file_device();

}  // namespace clemmys::attest
