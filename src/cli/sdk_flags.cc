#include "cli/sdk_flags.h"

#include <boost/json.hpp>

#include "cli/outcome.h"

namespace clemmys::cli {

namespace json = boost::json;

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
  for (const auto& [member, list] : {std::pair{"compiler", &flags.compiler},
                                     {"compile", &flags.compile},
                                     {"link", &flags.link},
                                     {"wasm_translator", &flags.wasm_translator},
                                     {"wasm_compile", &flags.wasm_compile},
                                     {"wasm_sources", &flags.wasm_sources},
                                     {"wasm_link", &flags.wasm_link}}) {
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

}  // namespace clemmys::cli
