// testdata.h: the real quote and collateral of ../testdata, for tests.
#pragma once

#include "attest/verifier.h"

namespace clemmys::attest::testing {

inline constexpr std::uint64_t kRealQuoteTimeUnixS =
    1750420800;  // 2025-06-20T12:00:00Z, inside all validities

Bytes real_quote();
Collateral real_collateral();

}  // namespace clemmys::attest::testing
