// actions.cc: deploy, sequence, list, get, delete: definitions of actions as OpenWhisk's API has them.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/print.h"
#include "crypto/base64.h"
#include "enclave/image.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

struct DeployOptions {
  std::string file, name;
  Parameters parameters;
  std::optional<unsigned> memory_mib, timeout_ms;  // unset: the platform's
};

json::array as_entries(const json::object& parameters) {
  json::array entries;
  for (const auto& [key, value] : parameters) entries.push_back(json::object{{"key", key}, {"value", value}});
  return entries;
}

// check_limit compares a wanted limit with what the platform allows, before anything is compiled or sent.
Status check_limit(const json::value& limits, const char* word, std::optional<unsigned> wanted,
                   const char* option, const char* unit) {
  if (!wanted || !limits.is_object()) return {};
  const json::object& object = limits.get_object();
  const json::value *least = object.if_contains(std::string("minAction") + word),
                    *most = object.if_contains(std::string("maxAction") + word);
  if (least == nullptr || most == nullptr || !least->is_number() || !most->is_number()) return {};
  const auto low = least->to_number<std::uint64_t>(), high = most->to_number<std::uint64_t>();
  if (*wanted >= low && *wanted <= high) return {};
  return failure(ErrorCode::kInvalid, "cli.deploy.limit",
                 std::string(option) + " " + std::to_string(*wanted) + " is not allowed on this platform",
                 "give " + std::to_string(low) + " to " + std::to_string(high) + " " + unit);
}

Status check_limits(const Context& context, const DeployOptions& options) {
  if (!options.memory_mib && !options.timeout_ms) return {};
  const Client client = TRY(Client::open(context.options));
  const json::value limits = TRY(client.get_json("/api/v1/namespaces/_/limits"));
  TRY(check_limit(limits, "Memory", options.memory_mib, "--memory", "MiB"));
  return check_limit(limits, "Timeout", options.timeout_ms, "--timeout", "ms");
}

Result<ExitCode> deploy(const Context& context, const DeployOptions& options) {
  TRY(check_limits(context, options));
  fs::path file = options.file;
  const std::string name = options.name.empty() ? file.stem().string() : options.name;  // may hold a package
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  if (file.extension() == ".cc" || file.extension() == ".cpp") {
    const fs::path built = work.path() / (file.stem().string() + ".sgx");
    TRY(build_image({.sources = {file.string()}, .output = built}, context.options.json));
    file = built;
  }
  const Bytes image = TRY(read_file(file));
  const auto info = enclave::parse_image(image);
  if (!info) {
    return failure(ErrorCode::kInvalid, "cli.deploy.image",
                   file.string() + " is not an enclave image: " + to_string(info.error()),
                   "make one from C++ sources: clemmys build FILE.cc");
  }
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("actions", name));
  json::object body{
      {"exec", json::object{{"kind", "native:1"}, {"code", crypto::to_base64(image)}, {"binary", true}}}};
  const json::object parameters = TRY(options.parameters.merge());
  if (!parameters.empty()) body["parameters"] = as_entries(parameters);
  json::object limits;
  if (options.memory_mib) limits["memory"] = *options.memory_mib;
  if (options.timeout_ms) limits["timeout"] = *options.timeout_ms;
  if (!limits.empty()) body["limits"] = std::move(limits);

  Progress progress("deploying " + name, context.options.json);
  const json::value answer = TRY(client.call_json("PUT", path + "?overwrite=true", body));
  progress.done(std::to_string(image.size() >> 10) + " KiB");
  if (context.options.json) {
    print_json(answer);
  } else {
    field("action", name);
    field("measurement", to_hex(info->measurement));
    std::cout << "  The host can read a native image: never compile a secret in. Parameters are sealed.\n";
  }
  return ExitCode::kSuccess;
}

Result<ExitCode> create_sequence(const Context& context, const std::string& name,
                                 const std::vector<std::string>& components) {
  const Client client = TRY(Client::open(context.options));
  json::array names;
  for (const std::string& component : components) names.emplace_back(full_name(component));
  const json::object body{{"exec", json::object{{"kind", "sequence"}, {"components", std::move(names)}}}};
  const std::string path = TRY(resource("actions", name));
  const json::value answer = TRY(client.call_json("PUT", path + "?overwrite=true", body));
  if (context.options.json) {
    print_json(answer);
  } else {
    field("sequence", name);
  }
  return ExitCode::kSuccess;
}

// kind_of reads the annotation that OpenWhisk adds to every action; lists carry no `exec`.
std::string kind_of(const json::object& action) {
  const json::value* notes = action.if_contains("annotations");
  if (notes == nullptr || !notes->is_array()) return "";
  for (const json::value& note : notes->get_array()) {
    if (!note.is_object()) continue;
    const json::value *key = note.get_object().if_contains("key"),
                      *value = note.get_object().if_contains("value");
    if (key != nullptr && value != nullptr && *key == "exec" && value->is_string())
      return std::string(value->get_string());
  }
  return "";
}

Result<ExitCode> list(const Context& context) {
  const Client client = TRY(Client::open(context.options));
  const json::value answer = TRY(client.get_json("/api/v1/namespaces/_/actions?limit=200"));
  if (context.options.json || !answer.is_array()) {
    print_json(answer);
    return ExitCode::kSuccess;
  }
  for (const json::value& entry : answer.get_array()) {
    if (!entry.is_object()) continue;
    const json::object& action = entry.get_object();
    const auto text = [&](std::string_view member) {
      const json::value* value = action.if_contains(member);
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    field("/" + text("namespace") + "/" + text("name"), kind_of(action) + "  " + text("version"));
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_deploy(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DeployOptions>();
  CLI::App& added = command(
      app, context, "deploy", "create or replace an action from an image, or from a C++ source",
      "  clemmys deploy scale.sgx\n  clemmys deploy hello.cc --name greet -p language en --memory 256",
      [&context, options] { return deploy(context, *options); });
  added.add_option("FILE", options->file, "image (.sgx), or C++ source (.cc)")->required();
  added.add_option("--name", options->name, "name of the action (default: the file's)");
  options->parameters.add_to(added);
  added.add_option("--memory", options->memory_mib, "MiB of memory");
  added.add_option("--timeout", options->timeout_ms, "time limit in ms");
}

void add_sequence(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("sequence", "chains of actions");
  group->require_subcommand(1)->fallthrough();
  struct Chain {
    std::string name;
    std::vector<std::string> components;
  };
  const auto chain = std::make_shared<Chain>();
  CLI::App& added = command(
      *group, context, "create", "create or replace a sequence: each action's result is the next one's input",
      "  clemmys sequence create photos scale detect report",
      [&context, chain] { return create_sequence(context, chain->name, chain->components); });
  added.add_option("NAME", chain->name, "name of the sequence")->required();
  added.add_option("ACTION", chain->components, "actions in their order")->required();
}

void add_actions(CLI::App& app, Context& context) {
  command(app, context, "list", "actions of the namespace", "  clemmys list --json",
          [&context] { return list(context); });
  for (const bool remove : {false, true}) {
    const auto name = std::make_shared<std::string>();
    CLI::App& added =
        command(app, context, remove ? "delete" : "get",
                remove ? "delete an action; its keys are destroyed" : "show an action",
                remove ? "  clemmys delete scale" : "  clemmys get scale",
                [&context, name, remove]() -> Result<ExitCode> {
                  const Client client = TRY(Client::open(context.options));
                  const std::string path = TRY(resource("actions", *name));
                  const HttpResponse answer =
                      TRY(remove ? client.call("DELETE", path) : client.call("GET", path + "?code=false"));
                  const json::value shown = TRY(parse_json(answer.body));
                  if (remove && !context.options.json) {
                    field("deleted", *name);
                  } else {
                    print_json(shown);
                  }
                  return ExitCode::kSuccess;
                });
    added.add_option("NAME", *name, "the action")->required();
  }
}

}  // namespace clemmys::cli
