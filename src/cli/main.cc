// main.cc: the command line `clemmys`. Trust: the user's machine (and, for `up`, the operator's). Threads:
// one.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "crypto/crypto.h"

namespace clemmys::cli {

CLI::App& command(CLI::App& parent, Context& context, const std::string& name, const std::string& description,
                  const std::string& examples, std::function<Result<ExitCode>()> body) {
  CLI::App* added = parent.add_subcommand(name, description);
  added->fallthrough();
  if (!examples.empty()) added->footer("Examples:\n" + examples);
  const std::string full = parent.get_parent() == nullptr ? name : parent.get_name() + " " + name;
  added->callback([&context, full, body = std::move(body)] {
    context.command = full;
    context.result = body();
  });
  return *added;
}

namespace {

int run(int count, char** arguments) {
  CLI::App app("Clemmys: functions on machines that you need not trust.");
  app.require_subcommand(1);
  app.set_version_flag("--version", "clemmys 0.1.0");
  app.footer(
      "Start with `clemmys up` on one machine. Exit codes: 0 success, 1 the function's own error, 2 usage, 3 "
      "not trusted,\n"
      "4 not allowed, 5 not found, 6 conflict, 7 unavailable, 8 platform error, 9 internal.");
  Context context;
  std::string config;
  app.add_flag("--json", context.options.json, "machine-readable output");
  app.add_option("--url", context.options.url, "the platform (default: the one trusted last)");
  app.add_option("--auth", context.options.credential,
                 "API key as UUID:KEY (default: the one kept by namespace claim)")
      ->envname("CLEMMYS_AUTH");
  app.add_option("--config", config, "folder of what is trusted, and of keys")->envname("CLEMMYS_CONFIG");
  app.parse_complete_callback([&] {
    context.config_was_named = !config.empty();
    if (!config.empty()) context.options.config = fs::absolute(config);
  });
  for (const auto add : {add_up, add_trust, add_namespace, add_build, add_run, add_deploy, add_sequence,
                         add_invoke, add_actions, add_activations, add_inspect}) {
    add(app, context);
  }
  try {
    app.parse(count, arguments);
  } catch (const CLI::RequiredError& error) {
    if (count > 1 && arguments[1][0] != '-' && app.get_subcommands().empty()) {
      std::cerr << "clemmys: there is no command '" << arguments[1]
                << "'\n  what to do: clemmys --help lists them\n";
    } else {
      app.exit(error);
    }
    return static_cast<int>(ExitCode::kUsage);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  if (!context.result) {
    print_error(context.command, context.result.error(), context.options.json);
    return static_cast<int>(exit_code(context.result.error()));
  }
  return static_cast<int>(*context.result);
}

}  // namespace
}  // namespace clemmys::cli

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  if (const auto ready = clemmys::crypto::initialize(); !ready) {
    clemmys::cli::print_error("", ready.error(), false);
    return static_cast<int>(clemmys::cli::ExitCode::kInternal);
  }
  return clemmys::cli::run(count, arguments);
}
