#include "cli/namespaces.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/local_parts.h"
#include "cli/local_platform.h"
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

namespace {

// create makes an empty namespace, as the operator of the platform that runs on `state`.
Result<ExitCode> create(const Context& context, const std::string& name, const fs::path& state) {
  std::error_code error;
  fs::current_path(state, error);  // a socket's path is short
  if (error || !fs::exists(kKmsSocket))
    return failure(ErrorCode::kUnavailable, "cli.namespace.state", "no platform runs on " + state.string(),
                   "name the folder that clemmys up has: --state");
  const auto token = create_namespace(kKmsSocket, name);
  if (!token && token.error().code == ErrorCode::kExists)
    return failure(ErrorCode::kExists, "cli.namespace.exists", "namespace " + name + " exists",
                   "choose another name");
  if (!token) return token.error();
  if (context.options.json) {
    print_json(json::object{{"namespace", name}, {"token", *token}});
  } else {
    field("namespace", name);
    field("token", *token);
    std::cout << "  For its owner: clemmys namespace claim " << name << " --token " << *token << '\n';
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_namespace(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("namespace", "namespaces and their owners");
  group->require_subcommand(1)->fallthrough();
  struct Claim {
    std::string name, token;
  };
  const auto created = std::make_shared<std::string>(), state = std::make_shared<std::string>();
  CLI::App& creating =
      command(*group, context, "create", "as the operator, make an empty namespace and its one-time token",
              "  clemmys namespace create photos", [&context, created, state] {
                return create(context, *created, state->empty() ? state_folder() : fs::absolute(*state));
              });
  creating.add_option("NAME", *created, "the namespace")->required();
  creating.add_option("--state", *state, "folder of the platform (default: that of clemmys up)");
  const auto claim = std::make_shared<Claim>();
  CLI::App& added =
      command(*group, context, "claim",
              "become a namespace's owner with the operator's one-time token; keeps the key",
              "  clemmys namespace claim photos --token 6f2c…", [&context, claim]() -> Result<ExitCode> {
                std::optional<Url> url;
                if (!context.options.url.empty()) url = TRY(parse_url(context.options.url));
                const TrustedPlatform platform = TRY(find_platform(context.options.config, url));
                const std::string key = TRY(claim_namespace(platform, claim->name, claim->token));
                const auto before = find_credential(context.options.config, platform.url);
                TRY(keep_credential(context.options.config, platform.url, key));
                if (context.options.json) {
                  print_json(json::object{{"namespace", claim->name}, {"auth", key}});
                } else {
                  field("namespace", claim->name);
                  field("API key", key);
                  if (before) field("no longer kept", *before);
                  std::cout << "  Kept in " << (context.options.config / "credentials.json").string()
                            << "; nobody can show it again.\n";
                }
                return ExitCode::kSuccess;
              });
  added.add_option("NAME", claim->name, "the namespace")->required();
  added.add_option("--token", claim->token, "one-time token from the operator")->required();
}

}  // namespace clemmys::cli
