// main.cc: the command line `clemmys`. Trust: the user's machine (and, for `up`, the operator's). Threads:
// one.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

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

// explain says what is wrong with the command line where it knows more than the parser; false: it does not.
bool explain(const CLI::App& app, const std::vector<std::string>& words) {
  const auto none = [](const std::string& group, const std::string& word) {
    std::cerr << group << ": there is no command '" << word << "'\n  what to do: " << group
              << " --help lists them\n";
    return true;
  };
  const auto is_word = [&](std::size_t at) { return at < words.size() && !words[at].starts_with('-'); };
  if (is_word(0) &&
      app.get_subcommands([&](const CLI::App* command) { return command->check_name(words[0]); }).empty())
    return none("clemmys", words[0]);
  const CLI::App* reached = &app;
  if (const auto parsed = app.get_subcommands(); !parsed.empty()) reached = parsed.front();
  if (reached->get_require_subcommand_min() > 0 && reached->get_subcommands().empty()) {
    const auto next = std::ranges::find(words, reached->get_name()) - words.begin() + 1u;
    if (is_word(next)) return none("clemmys " + reached->get_name(), words[next]);
    std::cerr << reached->help();
    return true;
  }
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    const std::string& pair = words[at + 1];
    const auto equals = pair.find('=');
    if ((words[at] != "-p" && words[at] != "--param") || equals == std::string::npos) continue;
    std::cerr << "clemmys: a parameter is two words\n  what to do: -p " << pair.substr(0, equals) << " '"
              << pair.substr(equals + 1) << "'\n";
    return true;
  }
  return false;
}

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
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0 && explain(app, {arguments + 1, arguments + count}))
      return static_cast<int>(ExitCode::kUsage);
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
