// actions.cc: deploy, sequence, list, get, delete: definitions of actions as OpenWhisk's API has them.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/print.h"
#include "cli/script.h"
#include "crypto/base64.h"
#include "enclave/image.h"
#include "wire/kinds.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

struct DeployOptions {
  BuildRequest build;  // its sources are the files; its output is chosen here
  std::string name, kind, main;
  Parameters parameters;
  std::optional<unsigned> memory_mib, timeout_ms;  // unset: the platform's
  std::optional<bool> isolate;
  bool no_parameters = false;

  fs::path file() const {
    const fs::path first = build.sources.front();
    return first.has_filename() ? first : first.parent_path();
  }
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

// Code is what is deployed: `exec`, its size, and what to tell the user about it.
struct Code {
  json::object exec;
  std::size_t size = 0;
  std::string measurement;  // native
};

Result<Code> native_code(const Context& context, const DeployOptions& options) {
  fs::path file = options.file();
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  if (is_source(file)) {
    BuildRequest request = options.build;
    request.output = work.path() / (file.stem().string() + ".sgx");
    TRY(build_image(request, context.options.json));
    file = request.output;
  }
  const Bytes image = TRY(read_file(file));
  const auto info = enclave::parse_image(image);
  if (!info) {
    if (file.has_extension() && file.extension() != ".sgx") TRY(check_source(file));
    return failure(ErrorCode::kInvalid, "cli.deploy.image",
                   file.string() + " is not an enclave image: " + to_string(info.error()),
                   "make one: clemmys build FILE.cc, or FILE.wasm; a script's name ends in .js or .zip");
  }
  return Code{{{"kind", wire::kNativeKind}, {"code", crypto::to_base64(image)}, {"binary", true}},
              image.size(),
              to_hex(info->measurement)};
}

Result<Code> script_code(const DeployOptions& options) {
  const ScriptCode script = TRY(read_script(options.file()));
  TRY(check_script(script, options.file(), options.main));
  Code code{{{"kind", script_kind(options.kind)}, {"binary", script.is_zip}}, script.bytes.size(), {}};
  code.exec["code"] = script.is_zip ? crypto::to_base64(script.bytes) : std::string(as_text(script.bytes));
  if (!options.main.empty()) code.exec["main"] = options.main;
  return code;
}

const json::value* member(const json::value& object, std::string_view name) {
  return object.is_object() ? object.get_object().if_contains(name) : nullptr;
}

// show_put says whether the platform's answer is of a new definition or of one that replaced another.
void show_put(std::string_view what, const std::string& name, const json::value& answer) {
  const json::value* version = member(answer, "version");
  if (version == nullptr || !version->is_string() || *version == "0.0.1") return field(what, name);
  field(what, name + ", updated: version " + std::string(version->get_string()));
}

// show_settings says what holds, and what of it an earlier deployment set.
void show_settings(const json::value& answer, bool sets_parameters) {
  std::string names;
  if (const json::value* list = member(answer, "parameters"); list != nullptr && list->is_array()) {
    for (const json::value& pair : list->get_array()) {
      const json::value* key = member(pair, "key");
      if (key != nullptr && key->is_string())
        names += (names.empty() ? "" : ", ") + std::string(key->get_string());
    }
  }
  if (!names.empty())
    field("default parameters",
          names + (sets_parameters ? "" : " (kept from before; --no-params takes them away)"));
  const json::value* limits = member(answer, "limits");
  const json::value* memory = limits != nullptr ? member(*limits, "memory") : nullptr;
  const json::value* timeout = limits != nullptr ? member(*limits, "timeout") : nullptr;
  if (memory != nullptr && timeout != nullptr)
    field("limits", json::serialize(*memory) + " MiB, " + json::serialize(*timeout) + " ms");
}

Result<ExitCode> deploy(const Context& context, const DeployOptions& options) {
  TRY(check_limits(context, options));
  const fs::path file = options.file();
  const std::string name = options.name.empty() ? file.stem().string() : options.name;  // may hold a package
  const bool script = options.kind.empty() ? is_script(file) : options.kind != wire::kNativeKind;
  if (!script && (options.isolate.has_value() || !options.main.empty())) {
    return failure(ErrorCode::kInvalid, "cli.deploy.script_only", "--main and --isolate are for scripts",
                   "leave them out");
  }
  const BuildRequest& build = options.build;
  if (!is_source(file) && (build.sources.size() > 1 || !build.libraries.empty() || !build.flags.empty())) {
    return failure(ErrorCode::kInvalid, "cli.deploy.sources_only",
                   "further files, --flag and --library are for sources of C++", "name one file");
  }
  Code code = TRY(script ? script_code(options) : native_code(context, options));
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("actions", name));
  json::object body{{"exec", std::move(code.exec)}};
  // An update keeps what it does not name.
  if (options.isolate)
    body["annotations"] = json::array{json::object{{"key", "isolate"}, {"value", *options.isolate}}};
  const json::object parameters = TRY(options.parameters.merge());
  const bool sets_parameters = options.no_parameters || !options.parameters.empty();
  if (sets_parameters) body["parameters"] = as_entries(parameters);
  json::object limits;
  if (options.memory_mib) limits["memory"] = *options.memory_mib;
  if (options.timeout_ms) limits["timeout"] = *options.timeout_ms;
  if (!limits.empty()) body["limits"] = std::move(limits);

  Progress progress("deploying " + name, context.options.json);
  const json::value answer = TRY(client.call_json("PUT", path + "?overwrite=true", body));
  progress.done(std::to_string((code.size + 1023) >> 10) + " KiB");
  if (context.options.json) {
    print_json(answer);
    return ExitCode::kSuccess;
  }
  show_put("action", name, answer);
  show_settings(answer, sets_parameters);
  if (script) {
    std::cout << "  The host sees neither code nor parameters: both are sealed.\n";
  } else {
    field("measurement", code.measurement);
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
    show_put("sequence", name, answer);
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
      app, context, "deploy",
      "create or update an action from JavaScript, an image, a WASI module, or C++ sources",
      "  clemmys deploy thumbnail.js -p size 200\n  clemmys deploy folder/ --name thumbnail --main resize\n"
      "  clemmys deploy scale.sgx\n  clemmys deploy hello.cc --name greet -p language en --memory 256\n"
      "  clemmys deploy scale.cc pixels.cc --library=-ljpeg",
      [&context, options] { return deploy(context, *options); });
  added
      .add_option(
          "FILE", options->build.sources,
          "JavaScript (.js, .zip, or a folder with package.json), image (.sgx), C++ sources (.cc), or "
          "WASI module (.wasm)")
      ->required();
  added.add_option("--name", options->name, "name of the action (default: the file's)");
  added.add_option("--kind", options->kind,
                   "js, nodejs:18, nodejs:20 or native:1 (default: by the file's name)");
  added.add_option("--main", options->main, "JavaScript: the function to call (default: main)");
  added.add_flag_function(
      "--isolate,!--no-isolate", [options](std::int64_t count) { options->isolate = count > 0; },
      "JavaScript: nothing that a call leaves in memory is there at the next one");
  options->parameters.add_to(added);
  add_build_options(added, options->build);
  added.add_flag("--no-params", options->no_parameters,
                 "take away default parameters that an earlier deployment gave");
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

namespace {

// save_code writes the code that the platform gives back, as it was deployed.
Status save_code(const json::value& action, const std::string& file) {
  const json::value* exec = action.is_object() ? action.get_object().if_contains("exec") : nullptr;
  const json::value* code =
      exec != nullptr && exec->is_object() ? exec->get_object().if_contains("code") : nullptr;
  if (code == nullptr || !code->is_string())
    return failure(ErrorCode::kInvalid, "cli.get.code", "this action has no code of its own",
                   "name one of its components");
  const std::string_view text = code->get_string();
  const json::value* binary = exec->get_object().if_contains("binary");
  if (binary == nullptr || *binary != true) return write_file(file, as_bytes(text));
  const Bytes bytes = TRY(crypto::from_base64(text));
  return write_file(file, bytes);
}

Result<ExitCode> get(const Context& context, const std::string& name, const std::string& code_file) {
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("actions", name));
  json::value shown = TRY(client.get_json(path + (code_file.empty() ? "?code=false" : "")));
  if (code_file.empty()) {
    print_json(shown);
    return ExitCode::kSuccess;
  }
  TRY(save_code(shown, code_file));
  if (!context.options.json) field("code", code_file);
  return ExitCode::kSuccess;
}

Result<ExitCode> remove_action(const Context& context, const std::string& name) {
  const Client client = TRY(Client::open(context.options));
  const std::string path = TRY(resource("actions", name));
  const HttpResponse answer = TRY(client.call("DELETE", path));
  const json::value shown = TRY(parse_json(answer.body));
  if (context.options.json) {
    print_json(shown);
  } else {
    field("deleted", name);
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_actions(CLI::App& app, Context& context) {
  command(app, context, "list", "actions of the namespace", "  clemmys list --json",
          [&context] { return list(context); });
  const auto shown = std::make_shared<std::string>(), code_file = std::make_shared<std::string>(),
             removed = std::make_shared<std::string>();
  CLI::App& getting = command(app, context, "get", "show an action",
                              "  clemmys get scale\n  clemmys get thumbnail --save thumbnail.js",
                              [&context, shown, code_file] { return get(context, *shown, *code_file); });
  getting.add_option("NAME", *shown, "the action")->required();
  getting.add_option("--save", *code_file, "write its code to this file");
  CLI::App& removing =
      command(app, context, "delete", "delete an action; its keys are destroyed", "  clemmys delete scale",
              [&context, removed] { return remove_action(context, *removed); });
  removing.add_option("NAME", *removed, "the action")->required();
}

}  // namespace clemmys::cli
