#include <boost/url.hpp>

#include "cli/http.h"
#include "cli/outcome.h"

namespace clemmys::cli {

Result<Url> parse_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(text);
  const auto wrong = [&](std::string why) {
    return failure(ErrorCode::kInvalid, "cli.url",
                   "'" + std::string(text) + "' is not a platform's address: " + why,
                   "give something like https://localhost:8443");
  };
  if (!parsed) return wrong("not a URL");
  if (parsed->scheme() != "https") return wrong("only https is spoken");
  if (parsed->has_userinfo()) return wrong("credentials do not belong into it");
  if (parsed->encoded_path().size() > 1 || parsed->has_query() || parsed->has_fragment())
    return wrong("it has a path or query");
  if (parsed->encoded_host().empty()) return wrong("no host");
  Url url{.host = std::string(parsed->host_address())};
  if (parsed->has_port() && !parsed->port().empty()) url.port = std::string(parsed->port());
  return url;
}

std::string percent_encode(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace clemmys::cli
