#include "attest/service/provisioning.h"

#include <algorithm>

#include "attest/report_mac.h"
#include "attest/service/quote_client.h"

namespace clemmys::attest {
namespace {

// The certifier is no enclave: the machine's keys are open to it. Its "measurement" is the digest of a text.
softsgx::Identity certifier() {
  softsgx::Identity identity;
  std::ranges::copy(sha256(as_bytes("clemmys software provisioning certifier")).bytes,
                    identity.secs.mrenclave);
  identity.secs.attributes = {sgx::kAttributeInit | sgx::kAttributeMode64, sgx::kXfrmLegacy};
  return identity;
}

}  // namespace

sgx::TargetInfo certifier_target_info() {
  const softsgx::Identity identity = certifier();
  sgx::TargetInfo target{};
  std::ranges::copy(identity.secs.mrenclave, target.measurement);
  target.attributes = identity.secs.attributes;
  return target;
}

Result<P256Signature> certify_report(const sgx::Report& report, const ExpectedEnclave& expected,
                                     const softsgx::Machine& machine, const software::Authority& authority) {
  sgx::KeyRequest request{};
  request.keyname = static_cast<std::uint16_t>(sgx::KeyName::kReport);
  std::ranges::copy(report.keyid, request.keyid);
  const softsgx::GetKeyResult key = machine.get_key(certifier(), request);
  if (key.general_protection || key.error != sgx::SgxError::kSuccess)
    return Error{ErrorCode::kInternal, "attest.certify.key"};
  TRY(check_report_mac(report, key.key));
  const sgx::ReportBody& body = report.body;
  if (!std::ranges::equal(body.mrenclave, expected.measurement.bytes) ||
      !std::ranges::equal(body.mrsigner, expected.signer.bytes) || body.isvprodid != expected.product_id ||
      body.isvsvn != expected.security_version || (body.attributes.flags & sgx::kAttributeDebug) != 0) {
    return Error{ErrorCode::kDenied, "attest.certify.identity", "this is not the expected quoting enclave"};
  }
  return authority.sign_qe_report(body);
}

Result<Provisioned> provision_software_machine(const std::string& state_directory,
                                               const std::string& socket_path,
                                               const ExpectedEnclave& expected, std::uint64_t now_unix_s) {
  const auto machine = TRY(softsgx::Machine::open(state_directory));
  const auto authority = TRY(software::Authority::open(
      std::filesystem::path(state_directory) / "provisioning", softsgx::kCpusvn, now_unix_s));

  const sgx::TargetInfo target = certifier_target_info();
  const Bytes answer = TRY(request(socket_path, QuoteRequest::kOwnReport,
                                   {reinterpret_cast<const std::uint8_t*>(&target), sizeof target}));
  sgx::Report report;
  if (answer.size() != sizeof report) return Error{ErrorCode::kCorrupt, "attest.certify.report"};
  std::memcpy(&report, answer.data(), sizeof report);
  const P256Signature signature = TRY(certify_report(report, expected, *machine, authority));
  Bytes certification = to_bytes(signature.view());
  const std::string chain = authority.pck_chain_pem();
  certification.insert(certification.end(), chain.begin(), chain.end());
  TRY(request(socket_path, QuoteRequest::kCertification, certification));

  software::Issue issue;
  issue.quoting = {expected.signer, expected.product_id, expected.security_version};
  issue.now_unix_s = now_unix_s;
  return Provisioned{authority.root_der(), TRY(authority.collateral(issue))};
}

}  // namespace clemmys::attest
