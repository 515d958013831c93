// attester.h: how a program proves what it is. Inside an enclave the evidence comes from /dev/attestation;
// outside there is none, and tests use a signer with a throw-away root.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::attest {

using ReportData = FixedBytes<64, struct ReportDataTag>;

class Attester {
 public:
  virtual ~Attester() = default;
  // evidence returns a quote (ECDSA, format v3, with its certification data) over `report_data`.
  virtual Result<Bytes> evidence(const ReportData& report_data) = 0;
};

// device_attester writes /dev/attestation/user_report_data and reads /dev/attestation/quote (Gramine's
// meaning). kUnsupported when this process does not run in an enclave.
Result<std::unique_ptr<Attester>> device_attester();

}  // namespace clemmys::attest
