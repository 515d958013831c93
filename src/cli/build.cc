// build.cc: C++ sources or a WASI module → static-PIE program → enclave image, with the flags and libraries
// of the SDK beside this program (sdk/flags.json, written by the build). The same flags, compiler and sources
// give the same measurement in every folder.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/process.h"
#include "cli/script.h"
#include "cli/sdk_flags.h"
#include "cli/wasm_module.h"
#include "enclave/image.h"

namespace clemmys::cli {
namespace {

// check_serves: the linker takes clemmys::serve out of its archive only for a program that calls it, and the
// program keeps its symbol.
Status check_serves(const fs::path& program) {
  constexpr std::string_view kSymbol = "_ZN7clemmys5serveE";
  const Bytes file = TRY(read_file(program));
  if (as_text(file).find(kSymbol) != std::string_view::npos) return {};
  return failure(ErrorCode::kInvalid, "cli.build.serve", "the program never calls clemmys::serve",
                 "call it in main: it takes the requests, and ends with the instance");
}

}  // namespace

bool is_source(const fs::path& path) {
  return is_wasm(path) || path.extension() == ".cc" || path.extension() == ".cpp";
}

Status check_source(const fs::path& file) {
  if (is_source(file)) return {};
  const auto refused = [&](std::string_view what, std::string to_do) {
    return failure(ErrorCode::kInvalid, "cli.build.source", file.string() + " is " + std::string(what),
                   std::move(to_do));
  };
  const std::string module = fs::path(file).replace_extension(".wasm").string();
  if (is_script(file)) return refused("a script: it needs no build", "clemmys deploy " + file.string());
  if (file.extension() == ".sgx") return refused("an image already", "clemmys deploy " + file.string());
  if (file.extension() == ".c")
    return refused(
        "a C source: those become WASI modules",
        "clang-19 --target=wasm32-wasi -O2 " + file.string() + " -o " + module + ", then name " + module);
  if (file.extension() == ".rs")
    return refused("a Rust source: those become WASI modules",
                   "rustc --target wasm32-wasi -O " + file.string() + ", then name " + module);
  return refused("no source of a function",
                 "name C++ (.cc, .cpp), JavaScript (.js), or a WASI module (.wasm)");
}

Status build_program(const BuildRequest& request, const fs::path& program, bool quiet) {
  for (const std::string& source : request.sources) TRY(check_source(source));
  if (std::ranges::any_of(request.sources, is_wasm)) return build_wasm_program(request, program, quiet);
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
    // No path of this machine enters the image, so that the measurement does not depend on where it was
    // built.
    const std::vector<std::string> last{"-ffile-prefix-map=" + source.parent_path().string() + "=.", "-c",
                                        source.string(), "-o", objects.back()};
    TRY(run_tool(command_line(flags.compiler, flags.compile, request.flags, last), Output::kError,
                 "cli.build.compile", "the source does not compile", "correct what the compiler says above"));
  }
  const std::vector<std::string> output{"-o", program.string()};
  TRY(run_tool(command_line(flags.compiler, objects, request.libraries, flags.link, output), Output::kError,
               "cli.build.link", "the program does not link",
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
  Progress progress("packing " + request.output.filename().string(), quiet);
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
      app, context, "build", "C++ sources, or a WASI module, to an enclave image; prints the measurement",
      "  clemmys build hello.cc\n  clemmys build scale.cc pixels.cc --library=-ljpeg -o scale.sgx\n"
      "  clemmys build words.wasm",
      [&context, request, output]() -> Result<ExitCode> {
        request->output = output->empty() ? fs::path(request->sources.front()).replace_extension(".sgx")
                                          : fs::path(*output);
        const std::string measurement = TRY(build_image(*request, context.options.json));
        if (context.options.json) {
          print_json(boost::json::object{{"image", request->output.string()}, {"measurement", measurement}});
        } else {
          field("image", request->output.string());
          field("measurement", measurement);
        }
        return ExitCode::kSuccess;
      });
  added.add_option("SOURCE", request->sources, "C++ sources, or one module (.wasm)")->required();
  added.add_option("-o,--output", *output, "image file (default: the first source's name with .sgx)");
  add_build_options(added, *request);
  added.add_option("--manifest", request->manifest, "enclave manifest (default: the SDK's)");
}

}  // namespace clemmys::cli
