// encls.h: what the ENCLS leaf functions share. Internal to softsgx.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace clemmys::softsgx {

struct State;

// refused is a leaf's #GP, #PF or error code, for people.
Error refused(std::string_view site, std::string detail);
// check_range wants whole pages inside the enclave.
Status check_range(const State& state, std::uint64_t offset, std::uint64_t size, std::string_view site);

}  // namespace clemmys::softsgx
