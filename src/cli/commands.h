// commands.h: every command adds itself to the command line and says how it ended.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/client.h"
#include "cli/outcome.h"

namespace CLI {
class App;
}

namespace clemmys::cli {

struct Context {
  Options options;
  bool config_was_named = false;  // --config or CLEMMYS_CONFIG
  std::string command;            // what ran, for messages
  Result<ExitCode> result = ExitCode::kSuccess;
};

// Command makes the subcommand `name` under `parent`, with `examples` in its help; `body` runs when the user
// calls it.
CLI::App& command(CLI::App& parent, Context& context, const std::string& name, const std::string& description,
                  const std::string& examples, std::function<Result<ExitCode>()> body);

void add_up(CLI::App& app, Context& context);
void add_trust(CLI::App& app, Context& context);
void add_namespace(CLI::App& app, Context& context);
void add_build(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_deploy(CLI::App& app, Context& context);
void add_sequence(CLI::App& app, Context& context);
void add_invoke(CLI::App& app, Context& context);
void add_actions(CLI::App& app, Context& context);      // list, get, delete
void add_activations(CLI::App& app, Context& context);  // activations, logs
void add_inspect(CLI::App& app, Context& context);      // enclave, envelope

// build_image makes C++ sources, or one WASI module, into an enclave image; gives its measurement in
// hexadecimal.
struct BuildRequest {
  std::vector<std::string> sources, flags, libraries;
  std::string manifest;  // empty: the default one
  fs::path output;
};
Result<std::string> build_image(const BuildRequest& request, bool quiet);
// build_program stops at the static-PIE program, which runs as an ordinary process, too.
Status build_program(const BuildRequest& request, const fs::path& program, bool quiet);
// build_wasm_program is build_program for a WASI module (.wasm).
Status build_wasm_program(const BuildRequest& request, const fs::path& program, bool quiet);
// is_source: build_program takes a file of this name.
bool is_source(const fs::path& path);
// check_source says of every other file what it is, and what to do with it.
Status check_source(const fs::path& file);
void add_build_options(CLI::App& command, BuildRequest& request);

}  // namespace clemmys::cli
