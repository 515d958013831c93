#include "attest/software/authority.h"

#include "attest/certificate.h"
#include "attest/quote.h"
#include "attest/software/authority_keys.h"
#include "attest/software/documents.h"

namespace clemmys::attest::software {
namespace {

// The FMSPC names the kind of platform; this one reads "SftSGX".
constexpr Fmspc kSoftwareFmspc{{'S', 'f', 't', 'S', 'G', 'X'}};
constexpr std::uint16_t kSoftwarePceSvn = 1;
constexpr std::uint64_t kCertificateLifetimeS = 20ull * 365 * 86400;

}  // namespace

Authority::Authority(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
Authority::Authority(Authority&&) noexcept = default;
Authority& Authority::operator=(Authority&&) noexcept = default;
Authority::~Authority() = default;

Result<Authority> Authority::generate(const CpuSvn& cpusvn, std::uint64_t now_unix_s) {
  const PckFields platform{cpusvn, kSoftwarePceSvn, kSoftwareFmspc, {}};
  const Validity validity{now_unix_s - kBackdateS, now_unix_s + kCertificateLifetimeS};
  Credential root = TRY(issue_certificate(Profile::kRoot, nullptr, platform, validity));
  Credential processor_ca = TRY(issue_certificate(Profile::kProcessorCa, &root, platform, validity));
  Credential pck = TRY(issue_certificate(Profile::kPck, &processor_ca, platform, validity));
  Credential tcb_signing = TRY(issue_certificate(Profile::kTcbSigning, &root, platform, validity));
  return Authority(std::make_unique<Keys>(std::move(root), std::move(processor_ca), std::move(pck),
                                          std::move(tcb_signing), platform));
}

Bytes Authority::root_der() const { return der_of(keys_->root.certificate.get()); }

std::string Authority::pck_chain_pem() const {
  return pem_of(keys_->pck.certificate.get()) + pem_of(keys_->processor_ca.certificate.get()) +
         pem_of(keys_->root.certificate.get());
}

Result<P256Signature> Authority::sign_qe_report(const sgx::ReportBody& qe_report) const {
  return keys_->pck.key.sign(bytes_of(qe_report));
}

Result<Collateral> Authority::collateral(const Issue& issue) const {
  const Validity validity{issue.now_unix_s - kBackdateS, issue.now_unix_s + kDocumentLifetimeS};
  std::vector<X509*> revoked_by_root, revoked_by_ca;
  if (issue.revoke_processor_ca) revoked_by_root.push_back(keys_->processor_ca.certificate.get());
  if (issue.revoke_tcb_signing) revoked_by_root.push_back(keys_->tcb_signing.certificate.get());
  if (issue.revoke_pck) revoked_by_ca.push_back(keys_->pck.certificate.get());

  const std::string root_pem = pem_of(keys_->root.certificate.get());
  const std::string signing_chain = pem_of(keys_->tcb_signing.certificate.get()) + root_pem;
  Collateral collateral;
  collateral.pck_crl_issuer_chain = pem_of(keys_->processor_ca.certificate.get()) + root_pem;
  collateral.pck_crl = TRY(issue_crl(keys_->processor_ca, revoked_by_ca, validity));
  collateral.root_ca_crl = TRY(issue_crl(keys_->root, revoked_by_root, validity));
  collateral.tcb_info_issuer_chain = collateral.qe_identity_issuer_chain = signing_chain;
  collateral.tcb_info = tcb_info_text(keys_->platform, issue);
  collateral.tcb_info_signature_hex = to_hex(TRY(keys_->tcb_signing.key.sign(as_bytes(collateral.tcb_info))));
  collateral.qe_identity = qe_identity_text(issue);
  collateral.qe_identity_signature_hex =
      to_hex(TRY(keys_->tcb_signing.key.sign(as_bytes(collateral.qe_identity))));
  return collateral;
}

}  // namespace clemmys::attest::software
