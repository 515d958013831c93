// local_parts.h: the command line of each part of a local platform, and how to see that it is ready. Paths
// are relative to the state folder, which is the current folder of all parts.
#pragma once

#include "cli/local_platform.h"

namespace clemmys::cli {

inline constexpr const char* kQuotingSocket = "run/quoting.sock";
inline constexpr const char* kKmsSocket = "run/kms.sock";
inline constexpr const char* kControllerSocket = "run/controller.sock";
inline constexpr const char* kRootPolicy = "root-policy.yaml";
inline constexpr const char* kCollateral = "collateral.json";
inline constexpr const char* kGatewayCounts = "run/gateway.counts";
inline constexpr const char* kSoftSgxState = "sgx";
inline constexpr const char* kJavaScriptImage = "js.sgx";

Part quoting_part(const Layout& layout, const LocalOptions& options);
Part kms_part(const Layout& layout, const LocalOptions& options);
Part node_part(const Layout& layout, const LocalOptions& options);
// gateway_part listens on options.host (0.0.0.0: everywhere); `url` is where this machine reaches it.
// It keeps its counts in kGatewayCounts.
Part gateway_part(const Layout& layout, const LocalOptions& options, const Url& url);

// free_port finds a TCP port nobody listens on at `host`; with `wanted` not 0, checks that one. kConflict
// when it is taken.
Result<std::uint16_t> free_port(const std::string& host, std::uint16_t wanted);

}  // namespace clemmys::cli
