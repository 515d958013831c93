// namespaces.h: claiming a namespace, for the command and for `clemmys up`.
#pragma once

#include "cli/trust_store.h"

namespace clemmys::cli {

// claim_namespace trades the operator's one-time token for the owner's API key, `uuid:key`, over verified
// TLS. The key is shown this once and exists nowhere else.
Result<std::string> claim_namespace(const TrustedPlatform& platform, std::string_view name,
                                    std::string_view token);

}  // namespace clemmys::cli
