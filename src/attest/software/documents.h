// documents.h: the texts of TCB info (version 3) and QE identity (version 2) for a software machine. Source:
// tcb.h.
#pragma once

#include <string>

#include "attest/pck.h"
#include "attest/software/authority.h"

namespace clemmys::attest::software {

std::string tcb_info_text(const PckFields& platform, const Issue& issue);
std::string qe_identity_text(const Issue& issue);

}  // namespace clemmys::attest::software
