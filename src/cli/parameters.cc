#include "cli/parameters.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/files.h"
#include "cli/outcome.h"

namespace clemmys::cli {

void Parameters::add_to(CLI::App& command) {
  command.add_option("-p,--param", pairs, "KEY VALUE; VALUE may be JSON (may be repeated)")
      ->type_name("KEY VALUE")
      ->allow_extra_args(false);
  command.add_option("-P,--param-file", file, "file with a JSON object of parameters");
}

Result<boost::json::object> Parameters::merge() const {
  namespace json = boost::json;
  json::object merged;
  boost::system::error_code error;
  if (!file.empty()) {
    const std::string text = TRY(read_text(file, 4u << 20));
    json::value value = json::parse(text, error);
    if (error || !value.is_object()) {
      return failure(ErrorCode::kInvalid, "cli.parameters.file", file + " does not hold a JSON object",
                     "correct the file");
    }
    merged = std::move(value.get_object());
  }
  for (const auto& [key, text] : pairs) {
    json::value value = json::parse(text, error);
    merged[key] = error ? json::value(text) : std::move(value);
  }
  return merged;
}

}  // namespace clemmys::cli
