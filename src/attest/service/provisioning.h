// provisioning.h: makes a software machine's quoting enclave count: plays Intel's provisioning certification
// enclave (checks the quoting enclave's REPORT with the machine's keys, signs it with the PCK key) and issues
// fresh collateral. Trust: untrusted.
#pragma once

#include <string>

#include "attest/software/authority.h"
#include "softsgx/machine.h"

namespace clemmys::attest {

// ExpectedEnclave is the one quoting enclave that gets certified: what its image file says
// (enclave::ImageInfo).
struct ExpectedEnclave {
  Measurement measurement;
  SignerId signer;
  std::uint16_t product_id = 0, security_version = 0;
};

// Provisioned is what verifiers of this machine need: the root to pin and the documents, valid for 30 days.
struct Provisioned {
  Bytes software_root_der;
  Collateral collateral;
};

// certify_report checks a REPORT made for certifier_target_info() and signs its body. kDenied: wrong MAC, or
// not `expected`.
sgx::TargetInfo certifier_target_info();
Result<P256Signature> certify_report(const sgx::Report& report, const ExpectedEnclave& expected,
                                     const softsgx::Machine& machine, const software::Authority& authority);

// provision_software_machine certifies the quoting enclave that listens on `socket_path`. The authority lives
// in STATE_DIRECTORY/provisioning, next to the machine's keys.
Result<Provisioned> provision_software_machine(const std::string& state_directory,
                                               const std::string& socket_path,
                                               const ExpectedEnclave& expected, std::uint64_t now_unix_s);

}  // namespace clemmys::attest
