// machine_device.h: one enclave of a software machine without running it: its REPORTs and keys as the
// processor makes them.
#pragma once

#include <algorithm>

#include "attest/quoting/report_device.h"
#include "base/check.h"
#include "softsgx/machine.h"

namespace clemmys::attest::testing {

inline softsgx::Identity enclave_identity(std::uint8_t measurement, std::uint8_t signer, bool debug = false) {
  softsgx::Identity identity;
  std::ranges::fill(identity.secs.mrenclave, measurement);
  std::ranges::fill(identity.secs.mrsigner, signer);
  identity.secs.attributes = {
      sgx::kAttributeInit | sgx::kAttributeMode64 | (debug ? sgx::kAttributeDebug : 0), sgx::kXfrmLegacy};
  identity.secs.isvprodid = identity.secs.isvsvn = 1;
  return identity;
}

class MachineDevice final : public ReportDevice {
 public:
  MachineDevice(std::shared_ptr<const softsgx::Machine> machine, const softsgx::Identity& identity)
      : machine_(std::move(machine)), identity_(identity) {}

  Result<sgx::Report> report(const sgx::TargetInfo& target, const ReportData& report_data) override {
    sgx::Report report{};
    std::ranges::copy(report_data.bytes, report.body.reportdata);
    machine_->report(identity_, target, report);
    return report;
  }
  Result<Secret<16>> report_key(const ReportKeyId& key_id) override {
    sgx::KeyRequest request{};
    request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kReport);
    std::ranges::copy(key_id.bytes, request.keyid);
    return key(request);
  }
  Result<Secret<16>> seal_key() override {
    sgx::KeyRequest request{};
    request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kSeal);
    request.keypolicy = sgx::kKeyPolicyMrenclave;
    return key(request);
  }

 private:
  Result<Secret<16>> key(const sgx::KeyRequest& request) {
    auto result = machine_->get_key(identity_, request);
    CHECK(!result.general_protection && result.error == sgx::SgxError::kSuccess);
    return std::move(result.key);
  }
  std::shared_ptr<const softsgx::Machine> machine_;
  softsgx::Identity identity_;
};

}  // namespace clemmys::attest::testing
