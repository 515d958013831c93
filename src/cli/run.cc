// run.cc: `clemmys run --local`: a function as an ordinary process, for its author's debugging. No enclave,
// no keys, no platform.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/process.h"

namespace clemmys::cli {
namespace {

struct RunOptions {
  BuildRequest build;
  std::string file;
  Parameters parameters;
  bool local = false;
};

Result<ExitCode> run(const Context& context, const RunOptions& options) {
  if (!options.local) {
    return failure(ErrorCode::kInvalid, "cli.run.local", "only local runs exist",
                   "add --local; on a platform: clemmys deploy, then clemmys invoke");
  }
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  fs::path program = fs::absolute(options.build.sources.front());
  const std::string extension = program.extension().string();
  if (extension == ".sgx")
    return failure(ErrorCode::kInvalid, "cli.run.image", "an image runs in an enclave only",
                   "name the C++ source, or the program");
  if (extension == ".cc" || extension == ".cpp") {
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
  const int status = TRY(run_to_end({program.string()}, Output::kStandard, input));
  return status == 0 ? ExitCode::kSuccess : ExitCode::kFunctionError;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App& added = command(
      app, context, "run", "run a function as an ordinary process, without any enclave: for debugging",
      "  clemmys run --local hello.cc -p name Ada\n  clemmys run --local ./scale --file photo.jpg",
      [&context, options] { return run(context, *options); });
  added.add_flag("--local", options->local, "in this process's place, on this machine");
  added.add_option("SOURCE", options->build.sources, "C++ sources, or a built program")->required();
  options->parameters.add_to(added);
  added.add_option("--file", options->file, "send this file's bytes");
  add_build_options(added, options->build);
}

}  // namespace clemmys::cli
