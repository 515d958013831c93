// authority.h: what Intel does for real machines, done for one software machine: root → PCK authority → PCK
// certificate, a TCB signing certificate, TCB info, QE identity and CRLs, all in Intel's formats.
// verify_quote checks them like Intel's own, under Trust.insecure_accept_software_sgx and this very root.
// Trust: untrusted. Whoever reads the keys can forge any evidence of this machine: software SGX protects
// nothing from its host.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "attest/p256.h"
#include "attest/verifier.h"
#include "sgx/arch.h"

namespace clemmys::attest::software {

using CpuSvn = std::array<std::uint8_t, 16>;

// QuotingIdentity is the quoting enclave that the QE identity shall admit, from its security version on.
struct QuotingIdentity {
  SignerId signer;
  std::uint16_t product_id = 0, security_version = 0;
};

// Issue says what the documents shall state; the defaults are a healthy machine. The rest is for tests of
// refusals.
struct Issue {
  QuotingIdentity quoting;
  std::uint64_t now_unix_s = 0;
  TcbStatus platform_status = TcbStatus::kUpToDate, quoting_status = TcbStatus::kUpToDate;
  std::vector<std::string> advisories;
  bool revoke_pck = false, revoke_processor_ca = false, revoke_tcb_signing = false;
  bool other_platform = false;  // TCB info for another FMSPC
};

inline constexpr std::uint64_t kDocumentLifetimeS = 30 * 86400;
inline constexpr std::uint64_t kBackdateS = 3600;  // so that a clock that is a little behind accepts them

class Authority {
 public:
  // generate makes all keys anew, in memory.
  static Result<Authority> generate(const CpuSvn& cpusvn, std::uint64_t now_unix_s);
  // open reads the machine's authority from `directory`, which it makes (0700, files 0600) on first use.
  static Result<Authority> open(const std::filesystem::path& directory, const CpuSvn& cpusvn,
                                std::uint64_t now_unix_s);
  Authority(Authority&&) noexcept;
  Authority& operator=(Authority&&) noexcept;
  ~Authority();

  Bytes root_der() const;             // to pin in Trust
  std::string pck_chain_pem() const;  // leaf, authority, root
  // sign_qe_report is the provisioning certification enclave's part: the caller has checked the REPORT's MAC.
  Result<P256Signature> sign_qe_report(const sgx::ReportBody& qe_report) const;
  // collateral issues all documents anew; valid for kDocumentLifetimeS.
  Result<Collateral> collateral(const Issue& issue) const;

 private:
  struct Keys;
  explicit Authority(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

}  // namespace clemmys::attest::software
