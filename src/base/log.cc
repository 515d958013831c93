#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>

namespace clemmys {

namespace {
std::string_view g_part = "clemmys";
std::atomic<LogLevel> g_least = LogLevel::kInfo;
}  // namespace

void set_log_part(std::string_view part) { g_part = part; }
void set_log_level(LogLevel least) { g_least = least; }

void log(LogLevel level, std::string_view message) {
  if (level < g_least) return;
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char stamp[64];
  std::snprintf(stamp, sizeof stamp, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                now.tv_nsec / 1'000'000);
  std::string line(stamp);
  line.append(" ")
      .append(kNames[static_cast<int>(level)])
      .append(" ")
      .append(g_part)
      .append(" ")
      .append(message)
      .append("\n");
  // One write per line, so that lines of several threads and processes do not mix. A full disk must not stop
  // us.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace clemmys
