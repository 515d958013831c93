// instance.h: the life of one instance over one link: assignment, attestation, then envelopes one at a time.
// Trust: trusted.
#pragma once

#include "attest/attester.h"
#include "base/clock.h"
#include "runtime/native/call_log.h"
#include "runtime/native/handler.h"

namespace clemmys::runtime {

// serve_link returns when the invoker closes the link (kUnavailable, "runtime.link.closed") or breaks the
// protocol, and when this enclave cannot attest. It never goes on after an error: the invoker starts another
// instance.
Status serve_link(int descriptor, attest::Attester& attester, const Clock& clock, CallLog& log,
                  const Handler& handler);

}  // namespace clemmys::runtime
