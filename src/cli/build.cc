// build.cc: C++ sources → static-PIE program → enclave image, with the flags and libraries of the SDK beside
// this program (sdk/flags.json, written by the build). The same flags, compiler and sources give the same
// measurement in every folder.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/process.h"
#include "enclave/image.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

struct SdkFlags {
  std::vector<std::string> compiler, compile, link;
  std::string manifest;
};

Result<SdkFlags> read_flags(const fs::path& sdk) {
  const auto broken = [&] {
    return failure(ErrorCode::kNotFound, "cli.build.sdk", "no usable " + (sdk / "flags.json").string(),
                   "run ./dev build");
  };
  const auto text = read_text(sdk / "flags.json");
  if (!text) return broken();
  boost::system::error_code error;
  const json::value parsed = json::parse(*text, error);
  if (error || !parsed.is_object()) return broken();
  SdkFlags flags;
  for (const auto& [member, list] :
       {std::pair{"compiler", &flags.compiler}, {"compile", &flags.compile}, {"link", &flags.link}}) {
    const json::value* value = parsed.get_object().if_contains(member);
    if (value == nullptr || !value->is_array()) return broken();
    for (const json::value& element : value->get_array()) {
      if (!element.is_string()) return broken();
      list->emplace_back(element.get_string());
    }
  }
  const json::value* manifest = parsed.get_object().if_contains("manifest");
  if (manifest == nullptr || !manifest->is_string() || flags.compiler.empty()) return broken();
  flags.manifest = manifest->get_string();
  return flags;
}

Status run_tool(const std::vector<std::string>& arguments, Output output, std::string_view site,
                const std::string& why, const std::string& to_do) {
  const int status = TRY(run_to_end(arguments, output));
  if (status == 0) return {};
  return failure(ErrorCode::kInvalid, site,
                 why + " (" + arguments.front() + " gave status " + std::to_string(status) + ")", to_do);
}

// check_serves: the linker takes clemmys::serve out of its archive only for a program that calls it, and the
// program keeps its symbol.
Status check_serves(const fs::path& program) {
  constexpr std::string_view kSymbol = "_ZN7clemmys5serveE";
  const Bytes file = TRY(read_file(program));
  if (as_text(file).find(kSymbol) != std::string_view::npos) return {};
  return failure(ErrorCode::kInvalid, "cli.build.serve", "the program never calls clemmys::serve",
                 "call it in main: it takes the requests, and ends with the instance");
}

template <typename List>
void append(std::vector<std::string>& to, const List& list) {
  to.insert(to.end(), list.begin(), list.end());
}

}  // namespace

Status build_program(const BuildRequest& request, const fs::path& program, bool quiet) {
  const Layout layout = TRY(find_layout());
  const SdkFlags flags = TRY(read_flags(layout.sdk));
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  Progress progress("compiling " + program.stem().string(), quiet);
  std::vector<std::string> objects;
  for (const std::string& name : request.sources) {
    if (!fs::exists(name))
      return failure(ErrorCode::kNotFound, "cli.build.source", "there is no file " + name,
                     "name a C++ source file");
    const fs::path source = fs::absolute(name);
    objects.push_back((work.path() / (std::to_string(objects.size()) + ".o")).string());
    std::vector<std::string> arguments = flags.compiler;
    append(arguments, flags.compile);
    append(arguments, request.flags);
    // No path of this machine enters the image, so that the measurement does not depend on where it was
    // built.
    append(arguments, std::vector<std::string>{"-ffile-prefix-map=" + source.parent_path().string() + "=.",
                                               "-c", source.string(), "-o", objects.back()});
    TRY(run_tool(arguments, Output::kError, "cli.build.compile", "the source does not compile",
                 "correct what the compiler says above"));
  }
  std::vector<std::string> arguments = flags.compiler;
  append(arguments, objects);
  append(arguments, request.libraries);
  append(arguments, flags.link);
  append(arguments, std::vector<std::string>{"-o", program.string()});
  TRY(run_tool(arguments, Output::kError, "cli.build.link", "the program does not link",
               "give static libraries, e.g. --library=-ljpeg"));
  TRY(check_serves(program));
  progress.done();
  return {};
}

Result<std::string> build_image(const BuildRequest& request, bool quiet) {
  const Layout layout = TRY(find_layout());
  const SdkFlags flags = TRY(read_flags(layout.sdk));
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  const fs::path program = work.path() / request.output.stem();
  TRY(build_program(request, program, quiet));
  Progress progress("packing " + request.output.string(), quiet);
  const std::string manifest = request.manifest.empty() ? flags.manifest : request.manifest;
  TRY(run_tool({(layout.programs / "clemmys-pack").string(), "--program", program.string(), "--manifest",
                manifest, "--output", request.output.string()},
               Output::kNowhere, "cli.build.pack", "the program cannot become an enclave",
               "see what clemmys-pack says above"));
  const Bytes image = TRY(read_file(request.output));
  const auto info = enclave::parse_image(image);
  if (!info)
    return Error{ErrorCode::kInternal, "cli.build.image",
                 "clemmys-pack wrote an image that is not valid: " + to_string(info.error())};
  progress.done(std::to_string(info->measured_size >> 10) + " KiB measured");
  return to_hex(info->measurement);
}

void add_build_options(CLI::App& added, BuildRequest& request) {
  added
      .add_option("--flag", request.flags, "one more compiler flag, e.g. --flag=-Iinclude (may be repeated)")
      ->allow_extra_args(false);
  added
      .add_option("--library", request.libraries,
                  "one more library, linked statically, e.g. --library=-ljpeg (may be repeated)")
      ->allow_extra_args(false);
}

void add_build(CLI::App& app, Context& context) {
  const auto request = std::make_shared<BuildRequest>();
  const auto output = std::make_shared<std::string>();
  CLI::App& added = command(
      app, context, "build", "C++ sources to an enclave image; prints the measurement",
      "  clemmys build hello.cc\n  clemmys build scale.cc pixels.cc --library=-ljpeg -o scale.sgx",
      [&context, request, output]() -> Result<ExitCode> {
        request->output = output->empty() ? fs::path(request->sources.front()).replace_extension(".sgx")
                                          : fs::path(*output);
        const std::string measurement = TRY(build_image(*request, context.options.json));
        if (context.options.json) {
          print_json(json::object{{"image", request->output.string()}, {"measurement", measurement}});
        } else {
          field("image", request->output.string());
          field("measurement", measurement);
        }
        return ExitCode::kSuccess;
      });
  added.add_option("SOURCE", request->sources, "C++ sources")->required();
  added.add_option("-o,--output", *output, "image file (default: the first source's name with .sgx)");
  add_build_options(added, *request);
  added.add_option("--manifest", request->manifest, "enclave manifest (default: the SDK's)");
}

}  // namespace clemmys::cli
