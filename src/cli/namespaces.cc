#include "cli/namespaces.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/print.h"

namespace clemmys::cli {

namespace json = boost::json;

Result<std::string> claim_namespace(const TrustedPlatform& platform, std::string_view name,
                                    std::string_view token) {
  const Client client = Client::with(platform, "");
  const json::value answer = TRY(client.call_json(
      "POST", "/clemmys/v1/namespaces/" + percent_encode(name) + "/claim", json::object{{"token", token}}));
  const auto text = [&](std::string_view member) -> std::string {
    const json::value* value = answer.is_object() ? answer.get_object().if_contains(member) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  if (text("uuid").empty() || text("key").empty())
    return Error{ErrorCode::kCorrupt, "cli.namespace.answer", "the platform gave no key"};
  return text("uuid") + ":" + text("key");
}

void add_namespace(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("namespace", "namespaces and their owners");
  group->require_subcommand(1)->fallthrough();
  struct Claim {
    std::string name, token;
  };
  const auto claim = std::make_shared<Claim>();
  CLI::App& added =
      command(*group, context, "claim",
              "become a namespace's owner with the operator's one-time token; keeps the key",
              "  clemmys namespace claim photos --token 6f2c…", [&context, claim]() -> Result<ExitCode> {
                std::optional<Url> url;
                if (!context.options.url.empty()) url = TRY(parse_url(context.options.url));
                const TrustedPlatform platform = TRY(find_platform(context.options.config, url));
                const std::string key = TRY(claim_namespace(platform, claim->name, claim->token));
                TRY(keep_credential(context.options.config, platform.url, key));
                if (context.options.json) {
                  print_json(json::object{{"namespace", claim->name}, {"auth", key}});
                } else {
                  field("namespace", claim->name);
                  field("API key", key);
                  std::cout << "  Kept in " << (context.options.config / "credentials.json").string()
                            << "; nobody can show it again.\n";
                }
                return ExitCode::kSuccess;
              });
  added.add_option("NAME", claim->name, "the namespace")->required();
  added.add_option("--token", claim->token, "one-time token from the operator")->required();
}

}  // namespace clemmys::cli
