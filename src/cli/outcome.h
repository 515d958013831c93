// outcome.h: how a command ends. Errors say what failed, why, and what to do; exit codes are stable and
// documented (docs/guide.md). Trust: the user's machine. Threads: none.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace clemmys::cli {

// ExitCode is part of the command line's interface: numbers never change their meaning.
enum class ExitCode : int {
  kSuccess = 0,
  kFunctionError = 1,  // the function ran, and its result is an error
  kUsage = 2,          // the command line, or a file it names, is wrong
  kNotTrusted = 3,     // evidence, certificate or measurement did not verify, or nothing is trusted yet
  kNotAllowed = 4,     // not authenticated, or no right
  kNotFound = 5,
  kConflict = 6,       // exists already, changed meanwhile, or another process uses the state
  kUnavailable = 7,    // a needed part is away, busy or too slow: retry later
  kPlatformError = 8,  // the platform failed; the function's result is not known
  kInternal = 9,       // a bug of ours, or the operating system failed
};
ExitCode exit_code(const Error& error);

// failure builds an Error for people: `why` and `to_do` are whole sentences without a final full stop.
Error failure(ErrorCode code, std::string_view site, std::string why, std::string to_do);

// print_error writes "clemmys COMMAND: why / to do" to standard error, or with `json` an object {error,
// to_do, code, site}.
void print_error(std::string_view command, const Error& error, bool json);

}  // namespace clemmys::cli
