// run.cc: `clemmys run --local`: a function as an ordinary process, for its author's debugging. No enclave,
// no keys, no platform.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/process.h"
#include "cli/script.h"
#include "enclave/image.h"
#include "wire/links.h"

namespace clemmys::cli {
namespace {

struct RunOptions {
  BuildRequest build;
  std::string file, main;
  Parameters parameters;
  bool local = false;
  unsigned memory_mib = 256, timeout_ms = 60'000;  // the platform's
};

// script_arguments: the generic image's program runs a script as an ordinary process, too.
Result<std::vector<std::string>> script_arguments(const fs::path& script, const std::string& main,
                                                  const fs::path& work) {
  const Layout layout = TRY(find_layout());
  const ScriptCode code = TRY(read_script(script));
  TRY(check_script(code, script, main));
  fs::path file = script;
  if (fs::is_directory(script)) {
    file = work / "code.zip";
    TRY(write_file(file, code.bytes, Privacy::kOwnerOnly));
  }
  std::vector<std::string> arguments{(layout.programs / "js").string(), file.string()};
  if (!main.empty()) arguments.push_back(main);
  return arguments;
}

// check_program says of what is neither script nor source why it cannot be run here.
Status check_program(const fs::path& program) {
  const Bytes content = TRY(read_file(program));
  if (enclave::parse_image(content))
    return failure(ErrorCode::kInvalid, "cli.run.image", "an image runs in an enclave only",
                   "name the source, or the program; on a platform: clemmys deploy, then clemmys invoke");
  if (::access(program.c_str(), X_OK) == 0) return {};
  if (program.has_extension()) return check_source(program);
  return failure(ErrorCode::kInvalid, "cli.run.program", program.string() + " is not a program",
                 "name a source (.js, .zip, a folder, .cc, .wasm) or a program that may be executed");
}

ExitCode answer_error(std::string_view text) {
  std::cout << boost::json::serialize(boost::json::object{{"error", text}}) << std::endl;
  return ExitCode::kFunctionError;
}

// run_limited: the runtime keeps the memory limit itself; time is kept here, as the host does.
Result<ExitCode> run_limited(const std::vector<std::string>& arguments, const fs::path& input,
                             const RunOptions& options) {
  ::setenv("CLEMMYS_TIMEOUT_MS", std::to_string(options.timeout_ms).c_str(), 1);
  ::setenv("CLEMMYS_MEMORY_MIB", std::to_string(options.memory_mib).c_str(), 1);
  const auto status =
      run_to_end(arguments, Output::kStandard, input, std::chrono::milliseconds(options.timeout_ms));
  if (!status && status.error().site == "cli.process.timeout")
    return answer_error(wire::text::time_exceeded(options.timeout_ms));
  if (TRY(status) == 0) return ExitCode::kSuccess;
  if (*status == 1) return ExitCode::kFunctionError;
  std::cerr << "  it ended with status " << *status << '\n';  // 128 + n: by signal n
  return answer_error(wire::text::kAbnormalRun);
}

Result<ExitCode> run(const Context& context, const RunOptions& options) {
  if (!options.local) {
    return failure(ErrorCode::kInvalid, "cli.run.local", "only local runs exist",
                   "add --local; on a platform: clemmys deploy, then clemmys invoke");
  }
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  fs::path program = fs::absolute(options.build.sources.front());
  std::vector<std::string> arguments;
  if (is_script(program)) {
    arguments = TRY(script_arguments(program, options.main, work.path()));
  } else if (is_source(program)) {
    program = work.path() / program.stem();
    TRY(build_program(options.build, program, context.options.json));
  } else {
    TRY(check_program(program));
  }
  if (arguments.empty()) arguments = {program.string()};
  // The runtime takes what is not a JSON object as bytes.
  if (!options.file.empty()) return run_limited(arguments, options.file, options);
  const boost::json::object parameters = TRY(options.parameters.merge());
  const MemoryFile input = TRY(MemoryFile::make(as_bytes(boost::json::serialize(parameters))));
  return run_limited(arguments, input.path(), options);
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
  added.add_option("--memory", options->memory_mib, "MiB of memory")
      ->check(CLI::Range(128U, 512U))
      ->capture_default_str();
  added.add_option("--timeout", options->timeout_ms, "time limit in ms")
      ->check(CLI::Range(100U, 300'000U))
      ->capture_default_str();
  add_build_options(added, options->build);
}

}  // namespace clemmys::cli
