// tcb.h: the two documents by which a vendor judges platforms: TCB info (which CPU and PCE versions are good)
// and QE identity (which quoting enclave, which of its versions). The caller has checked their signatures.
// Trust: shared. Source: Intel PCS API v4, "TCB Info V3" and "Enclave Identity V2".
#pragma once

#include <string_view>

#include "attest/pck.h"
#include "attest/verifier.h"
#include "attest/window.h"
#include "sgx/arch.h"

namespace clemmys::attest {

struct Judgement {
  TcbStatus status = TcbStatus::kRevoked;
  std::vector<std::string> advisories;
  Window window;  // in which the document counts
};

// judge_platform finds the first TCB level that the platform reaches. kDenied: wrong document or version, not
// valid at now_unix_s, another FMSPC or PCE id, no level reached, or revoked.
Result<Judgement> judge_platform(std::string_view tcb_info, const PckFields& platform,
                                 std::uint64_t now_unix_s);

// judge_quoting_enclave compares signer, product, MISCSELECT and ATTRIBUTES (under their masks), then finds
// the level.
Result<Judgement> judge_quoting_enclave(std::string_view qe_identity, const sgx::ReportBody& report,
                                        std::uint64_t now_unix_s);

// combine is the worse of both, as Intel's quote verification library converges them; advisories are merged.
Judgement combine(const Judgement& platform, const Judgement& quoting_enclave);

// tcb_status_name and its inverse use PCS's words, e.g. "UpToDate".
std::string_view tcb_status_name(TcbStatus status);
Result<TcbStatus> tcb_status_from_name(std::string_view name);

// unix_from_date reads "2025-06-19T10:56:11Z", and no other form, to seconds since 1970.
Result<std::uint64_t> unix_from_date(std::string_view date);
std::string date_from_unix(std::uint64_t unix_s);

}  // namespace clemmys::attest
