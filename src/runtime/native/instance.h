// instance.h: the life of one instance over one link: assignment, attestation, then envelopes one at a time.
// A generic instance may attest first and wait for its assignment, prewarmed. One assignment for life. Trust:
// trusted.
#pragma once

#include "attest/attester.h"
#include "base/clock.h"
#include "runtime/native/blob_source.h"
#include "runtime/native/call_log.h"
#include "runtime/native/handler.h"
#include "runtime/native/step_runner.h"
#include "wire/kms_api.h"

namespace clemmys::runtime {

// Program is what an instance runs. `prepare`, which may be empty, is what a prewarmed instance does before
// it says that it is ready. `become` is set in generic images: it turns the instance into the
// function of the first keys (StepRunner::Become), and its code comes from the BlobSource.
struct Program {
  std::function<void()> prepare;
  Handler call;
  std::function<Status(const wire::StepKeys&, const wire::Header&, BlobSource&)> become;
  MemoryKeeper memory = MemoryKeeper::kProcess;
};

// serve_link returns when the invoker closes the link (kUnavailable, "runtime.link.closed") or breaks the
// protocol, and when this enclave cannot attest. It never goes on after an error: the invoker starts another
// instance.
Status serve_link(int descriptor, attest::Attester& attester, const Clock& clock, CallLog& log,
                  const Program& program);

// run_program serves the invoker on descriptor 3 until it closes the link; it returns the program's exit
// status.
int run_program(const Program& program);

}  // namespace clemmys::runtime
