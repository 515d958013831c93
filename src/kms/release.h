// release.h: which keys an attested function instance gets: those of exactly one step of one current chain,
// if the step is this function's and the instance is the step's image. Promises: S23 and
// S24 of SPECIFICATION.md.
#pragma once

#include "kms/root_policy.h"
#include "kms/sessions.h"
#include "kms/state.h"
#include "wire/kms_api.h"

namespace clemmys::kms {

// header_constants are the fields of edge i's header (i = 0 … steps; the last edge leads to the gateway).
wire::HeaderConstants header_constants(const ChainEntry& chain, std::uint16_t edge);

// release_step_keys checks everything and binds the session on first use. kNotFound: no such chain; kDenied
// otherwise.
Result<wire::StepKeys> release_step_keys(const State& state, const RootPolicy& policy, Session& session,
                                         const wire::GetStepKeys& request);

}  // namespace clemmys::kms
