// collateral.h: Collateral as one JSON text, to hand around in a file or a message. Member names are those in
// wide use with DCAP tools (see testdata/); CRLs travel as hexadecimal DER. Hostile input: the signatures
// inside decide. Trust: shared.
#pragma once

#include <string>
#include <string_view>

#include "attest/verifier.h"

namespace clemmys::attest {

// collateral_to_json keeps the signed texts byte for byte.
std::string collateral_to_json(const Collateral& collateral);
// collateral_from_json is kCorrupt when a member is missing or of the wrong type. Unknown members are
// refused.
Result<Collateral> collateral_from_json(std::string_view text);

}  // namespace clemmys::attest
