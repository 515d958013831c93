// invoke.cc: runs an action or sequence. JSON parameters or a file's bytes go in; the result comes out as the
// function made it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/parameters.h"
#include "cli/print.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

struct InvokeOptions {
  std::string name, file, output;
  Parameters parameters;
  bool wait = true, record = false;
};

constexpr std::string_view kOctets = "application/octet-stream";

// put_result writes the result to the file the user named, or to standard output: JSON indented, bytes as
// they are.
Status put_result(const HttpResponse& answer, const std::string& output) {
  const bool octets = answer.header("content-type").starts_with(kOctets);
  if (!output.empty()) return write_file(output, answer.body);
  if (!octets) {
    const json::value value = TRY(parse_json(answer.body));
    print_json(value);
    return {};
  }
  if (::isatty(STDOUT_FILENO) != 0) {
    return failure(ErrorCode::kInvalid, "cli.invoke.terminal",
                   "the result is " + std::to_string(answer.body.size()) + " bytes of data",
                   "name a file for it: -o FILE");
  }
  std::cout
      .write(reinterpret_cast<const char*>(answer.body.data()),
             static_cast<std::streamsize>(answer.body.size()))
      .flush();
  return {};
}

Result<ExitCode> invoke(const Context& context, const InvokeOptions& options) {
  if (!options.file.empty() && !options.parameters.empty()) {
    return failure(ErrorCode::kInvalid, "cli.invoke.input",
                   "a file's bytes and parameters do not go together", "use --file, or -p and --param-file");
  }
  const Client client = TRY(Client::open(context.options));
  std::string path = TRY(resource("actions", options.name));
  path += options.wait ? "?blocking=true" : "?blocking=false";
  if (options.wait && !options.record) path += "&result=true";

  Bytes body;
  if (!options.file.empty()) {
    body = TRY(read_file(options.file));
  } else {
    const json::object parameters = TRY(options.parameters.merge());
    body = to_bytes(json::serialize(parameters));
  }
  const std::uint64_t start = SystemClock().monotonic_ns();
  const HttpResponse answer = TRY(client.call(
      "POST", path, std::move(body), std::string(options.file.empty() ? "application/json" : kOctets)));
  const std::uint64_t took_us = (SystemClock().monotonic_ns() - start) / 1000;
  std::string activation(answer.header("x-openwhisk-activation-id"));

  if (answer.status == 202) {
    const json::value accepted = TRY(parse_json(answer.body));
    print_json(accepted);
    if (!options.wait) return ExitCode::kSuccess;
    return failure(ErrorCode::kDeadline, "cli.invoke.unfinished", "the result is not there yet",
                   "wait for it: clemmys activations " + printable(activation) + " --wait");
  }
  TRY(put_result(answer, options.output));
  if (!context.options.json && !activation.empty()) {
    std::cerr << "activation " << printable(activation) << ", " << took_us / 1000 << '.'
              << (took_us / 100) % 10 << " ms at the client\n";
    if (answer.status == 502) std::cerr << "its log: clemmys logs " << printable(activation) << '\n';
  }
  return answer.status == 502 ? ExitCode::kFunctionError : ExitCode::kSuccess;
}

}  // namespace

void add_invoke(CLI::App& app, Context& context) {
  const auto options = std::make_shared<InvokeOptions>();
  CLI::App& added = command(app, context, "invoke", "run an action or sequence and print its result",
                            "  clemmys invoke hello -p name Ada\n"
                            "  clemmys invoke photos --file photo.jpg -o report.json\n"
                            "  clemmys invoke slow --async",
                            [&context, options] { return invoke(context, *options); });
  added.add_option("NAME", options->name, "action or sequence")->required();
  options->parameters.add_to(added);
  added.add_option("--file", options->file, "send this file's bytes");
  added.add_option("-o,--output", options->output, "write the result to this file");
  added.add_flag("--blocking,!--async", options->wait, "wait for the result (default), or only start it");
  added.add_flag("--record", options->record, "print the activation record instead of the result alone");
}

}  // namespace clemmys::cli
