// run.cc: `clemmys run --local`: a function as an ordinary process, for its author's debugging. No enclave,
// no keys, no platform.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/process.h"
#include "cli/script.h"

namespace clemmys::cli {
namespace {

struct RunOptions {
  BuildRequest build;
  std::string file, main;
  Parameters parameters;
  bool local = false;
};

// script_arguments: the generic image's program runs a script as an ordinary process, too.
Result<std::vector<std::string>> script_arguments(const fs::path& script, const std::string& main,
                                                  const fs::path& work) {
  const Layout layout = TRY(find_layout());
  const ScriptCode code = TRY(read_script(script));
  TRY(check_script(code, script, main));
  const fs::path file = work / (code.is_zip ? "code.zip" : "code.js");
  TRY(write_file(file, code.bytes, Privacy::kOwnerOnly));
  std::vector<std::string> arguments{(layout.programs / "js").string(), file.string()};
  if (!main.empty()) arguments.push_back(main);
  return arguments;
}

Result<ExitCode> run(const Context& context, const RunOptions& options) {
  if (!options.local) {
    return failure(ErrorCode::kInvalid, "cli.run.local", "only local runs exist",
                   "add --local; on a platform: clemmys deploy, then clemmys invoke");
  }
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  fs::path program = fs::absolute(options.build.sources.front());
  std::vector<std::string> arguments;
  if (is_script(program)) arguments = TRY(script_arguments(program, options.main, work.path()));
  const std::string extension = program.extension().string();
  if (extension == ".sgx")
    return failure(ErrorCode::kInvalid, "cli.run.image", "an image runs in an enclave only",
                   "name the source, or the program");
  if (is_source(program)) {
    program = work.path() / program.stem();
    TRY(build_program(options.build, program, context.options.json));
  }
  fs::path input = options.file;
  if (input.empty()) {
    input = work.path() / "request.json";
    const boost::json::object parameters = TRY(options.parameters.merge());
    TRY(write_file(input, as_bytes(boost::json::serialize(parameters)), Privacy::kOwnerOnly));
  }
  // The runtime takes what is not a JSON object as bytes.
  if (arguments.empty()) arguments = {program.string()};
  const int status = TRY(run_to_end(arguments, Output::kStandard, input));
  return status == 0 ? ExitCode::kSuccess : ExitCode::kFunctionError;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App& added = command(app, context, "run",
                            "run a function as an ordinary process, without any enclave: for debugging",
                            "  clemmys run --local hello.js -p name Ada\n  clemmys run --local hello.cc -p "
                            "name Ada\n  clemmys run --local ./scale --file photo.jpg",
                            [&context, options] { return run(context, *options); });
  added.add_flag("--local", options->local, "in this process's place, on this machine");
  added
      .add_option("SOURCE", options->build.sources,
                  "JavaScript (.js, .zip, a folder), C++ sources, a WASI module (.wasm), or a built program")
      ->required();
  added.add_option("--main", options->main, "JavaScript: the function to call (default: main)");
  options->parameters.add_to(added);
  added.add_option("--file", options->file, "send this file's bytes");
  add_build_options(added, options->build);
}

}  // namespace clemmys::cli
