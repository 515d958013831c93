// activations.cc: records and logs of past runs. They are sealed outside the gateway; only the namespace's
// users read them.
#include <CLI/CLI.hpp>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <thread>

#include "cli/commands.h"
#include "cli/print.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

struct Query {
  std::string id;
  unsigned limit = 30;
  bool wait = false;
};

std::string member_text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

// started is when a run began, in UTC as its log says it.
std::string started(const json::object& record) {
  const json::value* start = record.if_contains("start");
  return utc(start != nullptr && start->is_int64() ? start->get_int64() / 1000 : 0);
}

// ending is the word of `response.status` in the run's record.
std::string ending(const json::object& record) {
  constexpr std::array kWords{"success", "application error", "action developer error",
                              "whisk internal error"};
  const json::value* code = record.if_contains("statusCode");
  if (code == nullptr || !code->is_int64() || code->get_int64() < 0 || code->get_int64() > 3)
    return "unknown";
  return kWords[static_cast<std::size_t>(code->get_int64())];
}

// get_record asks again until the run has ended, where the user wants to wait; the platform ends it at its
// deadline at the latest.
Result<json::value> get_record(const Client& client, const std::string& path, bool wait) {
  for (;;) {
    auto answer = client.get_json(path);
    if (answer || !wait || answer.error().site != "cli.api.unfinished") return answer;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

Result<ExitCode> activations(const Context& context, const Query& query) {
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("activations", query.id));
  const json::value answer =
      TRY(query.id.empty() ? client.get_json(path + "?limit=" + std::to_string(query.limit))
                           : get_record(client, path, query.wait));
  if (context.options.json || !query.id.empty() || !answer.is_array()) {
    print_json(answer);
    return ExitCode::kSuccess;
  }
  for (const json::value& entry : answer.get_array()) {
    if (!entry.is_object()) continue;
    const json::object& record = entry.get_object();
    std::string name = member_text(record, "name");
    name.resize(std::max<std::size_t>(name.size(), 20), ' ');
    std::cout << printable(started(record) + "  " + member_text(record, "activationId") + "  " + name + "  " +
                           member_text(record, "duration") + " ms  " + ending(record))
              << '\n';
  }
  return ExitCode::kSuccess;
}

Result<ExitCode> logs(const Context& context, const Query& query) {
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("activations", query.id));
  const json::value answer = TRY(get_record(client, path + "/logs", query.wait));
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
  constexpr const char* kWait = "wait until it has ended";
  const auto query = std::make_shared<Query>();
  CLI::App& listed = command(
      app, context, "activations", "the last runs, or one run's record",
      "  clemmys activations --limit 10\n  clemmys activations 44794bd6aab74415b4e42a308d880e5b --wait",
      [&context, query] { return activations(context, *query); });
  listed.add_option("ID", query->id, "an activation");
  listed.add_option("--limit", query->limit, "how many")->check(CLI::Range(1, 200));
  listed.add_flag("--wait", query->wait, kWait);
  const auto logged = std::make_shared<Query>();
  CLI::App& log = command(app, context, "logs", "what a run wrote to standard output and error",
                          "  clemmys logs 44794bd6aab74415b4e42a308d880e5b",
                          [&context, logged] { return logs(context, *logged); });
  log.add_option("ID", logged->id, "the activation")->required();
  log.add_flag("--wait", logged->wait, kWait);
}

}  // namespace clemmys::cli
