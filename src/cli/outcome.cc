#include "cli/outcome.h"

#include <boost/json.hpp>
#include <cstdio>
#include <iostream>

namespace clemmys::cli {
namespace {

// kToDo separates the two halves of an Error's detail.
constexpr std::string_view kToDo = "\nto do: ";

}  // namespace

ExitCode exit_code(const Error& error) {
  // Whatever touches trust has its own number, so that scripts never mistake it for a lost connection.
  if (error.site.starts_with("cli.trust.")) return ExitCode::kNotTrusted;
  switch (error.code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnsupported:
      return ExitCode::kUsage;
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kDenied:
      return ExitCode::kNotAllowed;
    case ErrorCode::kNotFound:
      return ExitCode::kNotFound;
    case ErrorCode::kExists:
    case ErrorCode::kConflict:
      return ExitCode::kConflict;
    case ErrorCode::kExhausted:
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadline:
      return ExitCode::kUnavailable;
    case ErrorCode::kCorrupt:
      return ExitCode::kPlatformError;
    case ErrorCode::kInternal:
      break;
  }
  return ExitCode::kInternal;
}

Error failure(ErrorCode code, std::string_view site, std::string why, std::string to_do) {
  return Error{code, site, std::move(why) + std::string(kToDo) + std::move(to_do)};
}

void print_error(std::string_view command, const Error& error, bool json) {
  std::string why = error.detail, to_do;
  if (const auto split = why.find(kToDo); split != std::string::npos) {
    to_do = why.substr(split + kToDo.size());
    why.resize(split);
  }
  if (why.empty()) why = std::string(name(error.code));
  if (json) {
    std::cerr << boost::json::serialize(boost::json::object{{"command", command},
                                                            {"error", why},
                                                            {"to_do", to_do},
                                                            {"code", name(error.code)},
                                                            {"site", error.site}})
              << '\n';
    return;
  }
  std::cerr << "clemmys " << command << ": " << why << '\n';
  if (!to_do.empty()) std::cerr << "  what to do: " << to_do << '\n';
  std::cerr << "  (" << name(error.code) << " at " << error.site << ")\n";
}

}  // namespace clemmys::cli
