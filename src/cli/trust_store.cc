#include "cli/trust_store.h"

#include <algorithm>
#include <boost/json.hpp>

#include "cli/outcome.h"
#include "crypto/base64.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

fs::path entry_path(const fs::path& config, const Url& url) {
  std::string name = url.host + "_" + url.port;
  for (char& letter : name) {
    if (letter == '/' || letter == ':' || letter == '%') letter = '_';
  }
  return config / "trust" / (name + ".json");
}

Result<json::object> read_object(const fs::path& path) {
  const std::string text = TRY(read_text(path));
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) {
    return failure(ErrorCode::kInvalid, "cli.trust_store.format", path.string() + " is not a JSON object",
                   "remove the file and run clemmys trust add again");
  }
  return std::move(value.get_object());
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Error none(const std::string& what, const std::string& url) {
  return failure(ErrorCode::kNotFound, "cli.trust.none", what, "verify it first: clemmys trust add " + url);
}

Result<TrustedPlatform> read_platform(const fs::path& path) {
  const json::object entry = TRY(read_object(path));
  TrustedPlatform platform{.url = TRY(parse_url(text_of(entry, "url")))};
  platform.authority_der = TRY(crypto::from_base64(text_of(entry, "ca_certificate")));
  platform.root_policy = TRY(fixed_from_hex<Digest>(text_of(entry, "root_policy_sha256")));
  platform.kms = TRY(fixed_from_hex<Measurement>(text_of(entry, "kms_measurement")));
  if (const json::value* value = entry.if_contains("insecure_software_sgx"))
    platform.software_sgx = value->is_bool() && value->get_bool();
  if (const json::value* value = entry.if_contains("verified_unix_s")) {
    boost::system::error_code error;
    platform.verified_unix_s = value->to_number<std::uint64_t>(error);
  }
  return platform;
}

}  // namespace

Status keep_entry(const fs::path& config, const TrustedPlatform& platform) {
  TRY(make_private_folder(config));
  TRY(make_private_folder(config / "trust"));
  const json::object entry{{"url", platform.url.text()},
                           {"ca_certificate", crypto::to_base64(platform.authority_der)},
                           {"root_policy_sha256", to_hex(platform.root_policy)},
                           {"kms_measurement", to_hex(platform.kms)},
                           {"insecure_software_sgx", platform.software_sgx},
                           {"verified_unix_s", platform.verified_unix_s}};
  return write_file(entry_path(config, platform.url), as_bytes(json::serialize(entry) + "\n"));
}

Status keep_platform(const fs::path& config, const TrustedPlatform& platform) {
  TRY(keep_entry(config, platform));
  return write_file(config / "current", as_bytes(platform.url.text() + "\n"));
}

std::string current_platform(const fs::path& config) {
  std::string current = read_text(config / "current").value_or(std::string());
  while (!current.empty() && current.back() == '\n') current.pop_back();
  return current;
}

Result<TrustedPlatform> find_platform(const fs::path& config, const std::optional<Url>& wanted) {
  Url url;
  if (wanted) {
    url = *wanted;
  } else {
    const std::string current = current_platform(config);
    if (current.empty()) return none("no platform is trusted yet", "https://HOST:PORT");
    url = TRY(parse_url(current));
  }
  auto platform = read_platform(entry_path(config, url));
  if (!platform && platform.error().code == ErrorCode::kNotFound)
    return none(url.text() + " is not trusted yet", url.text());
  return platform;
}

Result<std::vector<TrustedPlatform>> list_platforms(const fs::path& config) {
  std::vector<TrustedPlatform> platforms;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(config / "trust", error)) {
    if (entry.path().extension() == ".json") platforms.push_back(TRY(read_platform(entry.path())));
  }
  std::ranges::sort(platforms, {}, [](const TrustedPlatform& platform) { return platform.url.text(); });
  return platforms;
}

Status remove_platform(const fs::path& config, const Url& url) {
  std::error_code error;
  if (!fs::remove(entry_path(config, url), error))
    return failure(ErrorCode::kNotFound, "cli.trust.none", url.text() + " is not trusted",
                   "see what is: clemmys trust list");
  if (current_platform(config) == url.text()) fs::remove(config / "current", error);
  return {};
}

Status keep_credential(const fs::path& config, const Url& url, std::string_view credential) {
  TRY(make_private_folder(config));
  const fs::path path = config / "credentials.json";
  json::object all;
  if (auto existing = read_object(path)) {
    all = *std::move(existing);
  } else if (existing.error().code != ErrorCode::kNotFound) {
    return existing.error();
  }
  all[url.text()] = credential;
  return write_file(path, as_bytes(json::serialize(all) + "\n"), Privacy::kOwnerOnly);
}

Result<std::string> find_credential(const fs::path& config, const Url& url) {
  const auto all = read_object(config / "credentials.json");
  std::string credential = all ? text_of(*all, url.text()) : std::string();
  if (credential.empty()) {
    return failure(ErrorCode::kUnauthenticated, "cli.credential.none",
                   "no API key is known for " + url.text(),
                   "claim a namespace (clemmys namespace claim), or give --auth UUID:KEY or CLEMMYS_AUTH");
  }
  return credential;
}

}  // namespace clemmys::cli
