// client.h: the gateway's API as the commands use it: a verified connection to a trusted platform, with the
// user's key.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>

#include "cli/files.h"
#include "cli/http.h"
#include "cli/trust_store.h"

namespace clemmys::cli {

// Options are the ones of every command.
struct Options {
  bool json = false;
  std::string url;         // empty: the current platform
  std::string credential;  // empty: the kept one
  fs::path config = config_folder();
};

class Client {
 public:
  // open finds platform and credential; nothing is sent, unless the platform was verified a week ago or
  // earlier: then again.
  static Result<Client> open(const Options& options);
  // with is a client of a platform that was verified just now.
  static Client with(TrustedPlatform platform, std::string credential) {
    return {std::move(platform), std::move(credential)};
  }

  const TrustedPlatform& platform() const { return platform_; }

  // call sends one request to `path`, e.g. "/api/v1/namespaces/_/actions". Refusals become errors with the
  // platform's own words; 200, 202, 204 and 502 (a function's error) are answers.
  Result<HttpResponse> call(std::string method, std::string path, Bytes body = {},
                            std::string content_type = "application/json") const;
  Result<boost::json::value> call_json(std::string method, std::string path,
                                       const boost::json::value& body) const;
  Result<boost::json::value> get_json(std::string path) const;

 private:
  Client(TrustedPlatform platform, std::string credential)
      : platform_(std::move(platform)), credential_(std::move(credential)) {}
  TrustedPlatform platform_;
  std::string credential_;
};

// parse_json of an answer's body; kCorrupt when it is none.
Result<boost::json::value> parse_json(ByteView body);

// resource makes "/api/v1/namespaces/NS/COLLECTION/[PKG/]NAME" of "name", "pkg/name" or "/ns/pkg/name".
Result<std::string> resource(std::string_view collection, std::string_view name);
// full_name makes "/_/name" of "name" and leaves "/ns/…" as it is: how sequences name components.
std::string full_name(std::string_view name);

}  // namespace clemmys::cli
