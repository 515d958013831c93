// verifier.h: checks a quote against collateral and a policy. One verifier for real and software SGX: only
// the root differs. Sources: Intel "SGX ECDSA QuoteLibReference" (quote v3), Intel PCS API v4 (TCB info, QE
// identity), RFC 5280.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "attest/attester.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::attest {

enum class Root : std::uint8_t { kIntel, kSoftware };
enum class TcbStatus : std::uint8_t {
  kUpToDate,
  kSwHardeningNeeded,
  kConfigurationNeeded,
  kConfigurationAndSwHardeningNeeded,
  kOutOfDate,
  kOutOfDateConfigurationNeeded,
  kRevoked
};

// Collateral is what Intel's PCS serves, as fetched: JSON texts with their signatures, PEM chains, DER or PEM
// CRLs.
struct Collateral {
  std::string pck_crl_issuer_chain, pck_crl, root_ca_crl;
  std::string tcb_info_issuer_chain, tcb_info, tcb_info_signature_hex;
  std::string qe_identity_issuer_chain, qe_identity, qe_identity_signature_hex;
};

// Trust says which roots count. insecure_accept_software_sgx admits the software root with exactly this DER
// certificate.
struct Trust {
  bool insecure_accept_software_sgx = false;
  Bytes software_root_der;  // pinned; empty: none
};

// Identity is what a verified quote says about an enclave.
struct Identity {
  Measurement measurement;
  SignerId signer;
  std::uint16_t product_id = 0, security_version = 0;
  bool debug = false;
  ReportData report_data;
  Root root = Root::kIntel;
  TcbStatus tcb_status = TcbStatus::kRevoked;
  std::vector<std::string> advisories;
  std::uint64_t attributes = 0,
                xfrm = 0;  // of SECS: whoever starts an enclave chooses them, not its measurement
};

// verify_quote checks everything but whether the identity is wanted: signatures, chains, CRLs, dates at
// now_unix_s, TCB level, QE identity. Errors: kCorrupt (not a quote), kDenied (a check failed; detail says
// which). The caller checks Identity.
Result<Identity> verify_quote(ByteView quote, const Collateral& collateral, const Trust& trust,
                              std::uint64_t now_unix_s);

// Verifier judges many quotes under one collateral and trust, as verify_quote would. What it finds out about
// a machine (the PCK chain, CRLs, TCB info) it remembers, for exactly as long as all of that stays valid. Any
// thread.
class Verifier {
 public:
  Verifier(Collateral collateral, Trust trust);
  ~Verifier();
  Result<Identity> verify(ByteView quote, std::uint64_t now_unix_s) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clemmys::attest
