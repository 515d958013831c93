// sdk_flags.h: how this build compiles, translates and links functions (sdk/flags.json, written by CMake),
// and the tools that do it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/files.h"
#include "cli/process.h"

namespace clemmys::cli {

struct SdkFlags {
  std::vector<std::string> compiler, compile, link;
  std::string manifest;
  // WebAssembly: how wasm2c's C is compiled, what is compiled beside it, what both are linked to.
  std::vector<std::string> wasm_translator, wasm_compile, wasm_sources, wasm_link;
};
Result<SdkFlags> read_flags(const fs::path& sdk);

// run_tool runs a tool to its end; any status but 0 is an error that says `why` and what `to_do`.
Status run_tool(const std::vector<std::string>& arguments, Output output, std::string_view site,
                const std::string& why, const std::string& to_do);

// command_line joins pieces of one.
template <typename... Lists>
std::vector<std::string> command_line(const Lists&... lists) {
  std::vector<std::string> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

}  // namespace clemmys::cli
