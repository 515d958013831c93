// log.h: one line per event on standard error: "2026-01-31T12:00:00.123Z level part message". Inside enclaves
// the line goes to the host: never pass user data, names or secrets there, only sites and counts.
#pragma once

#include <string_view>

namespace clemmys {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };

// set_log_part names the program in each line; call once in main. The string must outlive the program's
// logging.
void set_log_part(std::string_view part);
void set_log_level(LogLevel least);
void log(LogLevel level, std::string_view message);

inline void log_info(std::string_view message) { log(LogLevel::kInfo, message); }
inline void log_warning(std::string_view message) { log(LogLevel::kWarning, message); }
inline void log_error(std::string_view message) { log(LogLevel::kError, message); }

}  // namespace clemmys
