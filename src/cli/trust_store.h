// trust_store.h: what this user decided to trust, and the keys that he holds, under config_folder():
//   trust/HOST_PORT.json   one verified platform; `current` names the one used without --url
//   credentials.json       API keys by platform, mode 0600
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/files.h"
#include "cli/http.h"

namespace clemmys::cli {

struct TrustedPlatform {
  Url url;
  Bytes authority_der;
  Digest root_policy;
  Measurement kms;
  bool software_sgx = false;
  std::uint64_t verified_unix_s = 0;
};

// keep_platform keeps an entry and makes it the current one; keep_entry leaves the current one.
Status keep_platform(const fs::path& config, const TrustedPlatform& platform);
Status keep_entry(const fs::path& config, const TrustedPlatform& platform);
// find_platform gives the platform at `url`, or the current one. Nothing trusted yet: kNotFound at
// cli.trust.none.
Result<TrustedPlatform> find_platform(const fs::path& config, const std::optional<Url>& url);

// list_platforms gives all that are trusted; current_platform the address of the current one, or nothing.
Result<std::vector<TrustedPlatform>> list_platforms(const fs::path& config);
std::string current_platform(const fs::path& config);
// remove_platform forgets it; an API key stays, for nobody can show it again. kNotFound at cli.trust.none.
Status remove_platform(const fs::path& config, const Url& url);

// Credentials are OpenWhisk's `uuid:key`.
Status keep_credential(const fs::path& config, const Url& url, std::string_view credential);
Result<std::string> find_credential(const fs::path& config, const Url& url);

}  // namespace clemmys::cli
