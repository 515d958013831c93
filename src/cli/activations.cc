// activations.cc: records and logs of past runs. They are sealed outside the gateway; only the namespace's
// users read them.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/print.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

std::string member_text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

Result<ExitCode> activations(const Context& context, const std::string& id, unsigned limit) {
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("activations", id));
  const json::value answer =
      TRY(client.get_json(id.empty() ? path + "?limit=" + std::to_string(limit) : path));
  if (context.options.json || !id.empty() || !answer.is_array()) {
    print_json(answer);
    return ExitCode::kSuccess;
  }
  for (const json::value& entry : answer.get_array()) {
    if (!entry.is_object()) continue;
    const json::object& record = entry.get_object();
    std::cout << printable(member_text(record, "activationId") + "  " + member_text(record, "name") + "  " +
                           member_text(record, "duration") + " ms  status " +
                           member_text(record, "statusCode"))
              << '\n';
  }
  return ExitCode::kSuccess;
}

Result<ExitCode> logs(const Context& context, const std::string& id) {
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("activations", id));
  const json::value answer = TRY(client.get_json(path + "/logs"));
  const json::value* lines = answer.is_object() ? answer.get_object().if_contains("logs") : nullptr;
  if (context.options.json || lines == nullptr || !lines->is_array()) {
    print_json(answer);
    return ExitCode::kSuccess;
  }
  for (const json::value& line : lines->get_array()) {
    if (line.is_string()) std::cout << printable(std::string_view(line.get_string())) << '\n';
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_activations(CLI::App& app, Context& context) {
  struct Query {
    std::string id;
    unsigned limit = 30;
  };
  const auto query = std::make_shared<Query>();
  CLI::App& listed =
      command(app, context, "activations", "the last runs, or one run's record",
              "  clemmys activations --limit 10\n  clemmys activations 44794bd6aab74415b4e42a308d880e5b",
              [&context, query] { return activations(context, query->id, query->limit); });
  listed.add_option("ID", query->id, "an activation");
  listed.add_option("--limit", query->limit, "how many")->check(CLI::Range(1, 200));
  const auto id = std::make_shared<std::string>();
  CLI::App& logged = command(app, context, "logs", "what a run wrote to standard output and error",
                             "  clemmys logs 44794bd6aab74415b4e42a308d880e5b",
                             [&context, id] { return logs(context, *id); });
  logged.add_option("ID", *id, "the activation")->required();
}

}  // namespace clemmys::cli
