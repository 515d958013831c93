// wasm_build.cc: WASI module → C (wasm2c) → static-PIE program with the runtime of modules
// (src/runtime/wasi), ahead of time. The same module, whatever its names and debug sections, gives the same
// program in every folder.
#include <algorithm>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/sdk_flags.h"
#include "cli/wasm_module.h"

namespace clemmys::cli {
namespace {

// interruptible puts a step before each jump back to the start of a loop, and before each bulk operation on a
// table (src/runtime/wasm/interruptible.h): in wasm2c's C, labels of loops, and they alone, begin with w2c_L
// in a module without names, and such an operation is a statement of its own in a function's body.
std::string interruptible(std::string_view code) {
  constexpr std::string_view kJump = "goto w2c_L";
  std::string out;
  while (!code.empty()) {
    std::string_view line = code.substr(0, code.find('\n') + 1);
    if (line.empty()) line = code;
    code.remove_prefix(line.size());
    const std::string_view statement = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    for (const std::string_view operation :
         {"funcref_table_fill(", "funcref_table_copy(", "funcref_table_init("})
      if (statement.starts_with(operation)) out += "CLEMMYS_WASM_TABLE_STEP ";
    for (std::size_t jump; (jump = line.find(kJump)) != std::string_view::npos;) {
      out.append(line.substr(0, jump)).append("CLEMMYS_WASM_STEP ").append(kJump);
      line.remove_prefix(jump + kJump.size());
    }
    out += line;
  }
  return out;
}

Status translate(const SdkFlags& flags, const WasmModule& module, const fs::path& work) {
  constexpr std::size_t kCodeSizeMax = 1u << 30;
  TRY(write_file(work / "module.wasm", module.bytes));
  TRY(run_tool(command_line(flags.wasm_translator,
                            std::vector<std::string>{"-n", "module", "-o", (work / "module.c").string(),
                                                     (work / "module.wasm").string()}),
               Output::kError, "cli.wasm.translate", "the module cannot be translated",
               "see what wasm2c says above"));
  const std::string code = TRY(read_text(work / "module.c", kCodeSizeMax));
  return write_file(work / "module.c", as_bytes(interruptible(code)));
}

}  // namespace

Status build_wasm_program(const BuildRequest& request, const fs::path& program, bool quiet) {
  const Layout layout = TRY(find_layout());
  const SdkFlags flags = TRY(read_flags(layout.sdk));
  const std::string& name = request.sources.front();
  if (request.sources.size() != 1 || !request.flags.empty() || !request.libraries.empty())
    return failure(ErrorCode::kInvalid, "cli.wasm.alone",
                   "a module is built alone, without flags and libraries", "link them into the module");
  const Bytes file = TRY(read_file(name));
  const WasmModule module = TRY(read_wasm_module(file, name));
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  Progress progress("translating " + program.stem().string(), quiet);
  TRY(translate(flags, module, work.path()));
  std::vector<std::string> objects;
  for (const std::string& source :
       command_line(std::vector<std::string>{(work.path() / "module.c").string()}, flags.wasm_sources)) {
    objects.push_back((work.path() / (std::to_string(objects.size()) + ".o")).string());
    std::vector<std::string> definitions{"-I" + work.path().string(),
                                         "-ffile-prefix-map=" + work.path().string() + "=.",
                                         "-DCLEMMYS_INITIAL_PAGES=" + std::to_string(module.initial_pages),
                                         "-c",
                                         source,
                                         "-o",
                                         objects.back()};
    if (module.imports_nothing) definitions.insert(definitions.begin(), "-DCLEMMYS_IMPORTS_NOTHING");
    TRY(run_tool(command_line(flags.wasm_compile, definitions), Output::kError, "cli.wasm.compile",
                 "the translated module does not compile",
                 "see above: no function of a module may use more than 256 KiB of stack"));
  }
  TRY(run_tool(command_line(flags.compiler, objects, flags.wasm_link,
                            std::vector<std::string>{"-o", program.string()}),
               Output::kError, "cli.wasm.link", "the translated module does not link",
               "see what the linker says above"));
  progress.done();
  return {};
}

}  // namespace clemmys::cli
