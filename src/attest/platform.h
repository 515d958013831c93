// platform.h: what a PCK chain and the collateral say about one machine, before any quote is looked at. Inner
// header. Trust: shared.
#pragma once

#include "attest/p256.h"
#include "attest/tcb.h"
#include "attest/verifier.h"
#include "attest/window.h"

namespace clemmys::attest {

struct Platform {
  Root root;
  P256Public pck_key;
  Judgement judgement;  // of the machine; the quoting enclave is judged per quote
  Window window;        // all of this holds within it: certificates, CRLs and TCB info are valid
};

// check_platform checks the chain of a quote's certification and the signatures of both documents, at
// now_unix_s. Only the QE identity's own dates are left to judge_quoting_enclave.
Result<Platform> check_platform(ByteView certification, const Collateral& collateral, const Trust& trust,
                                std::uint64_t now_unix_s);

}  // namespace clemmys::attest
