// host_user.h: the user that the host's own key service makes, in the namespace of the tests.
#pragma once

#include <string>

namespace clemmys::testing {

inline const std::string kHostUuid = "00000000-0000-4000-8000-00000000505f", kHostKey = "the-hosts-own-key";

}  // namespace clemmys::testing
