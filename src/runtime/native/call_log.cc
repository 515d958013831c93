#include "runtime/native/call_log.h"

#include <stdio.h>
#include <time.h>

#include <utility>

namespace clemmys::runtime {
namespace {

constexpr std::size_t kLineSizeMax = 64u << 10;  // a longer line is cut in two

std::string iso_time(std::uint64_t unix_ms) {
  const time_t seconds = static_cast<time_t>(unix_ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[64];
  snprintf(stamp, sizeof stamp, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", parts.tm_year + 1900, parts.tm_mon + 1,
           parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<unsigned>(unix_ms % 1000));
  return stamp;
}

std::string_view name_of(Stream stream) { return stream == Stream::kOut ? " stdout: " : " stderr: "; }

}  // namespace

void CallLog::begin(std::size_t size_max) {
  const std::lock_guard lock(mutex_);
  text_.clear();
  for (std::string& line : unfinished_) line.clear();
  size_max_ = size_max;
  truncated_ = false;
}

void CallLog::add_line(Stream stream, std::string_view line) {
  if (truncated_) return;
  const std::string stamp = iso_time(clock_.unix_ms());
  const std::string_view name = name_of(stream);
  if (text_.size() + stamp.size() + name.size() + line.size() + 1 > size_max_) {
    truncated_ = true;
    return;
  }
  text_.append(stamp).append(name).append(line).append("\n");
}

void CallLog::add(Stream stream, std::string_view text) {
  const std::lock_guard lock(mutex_);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    add_line(stream, text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

void CallLog::append(Stream stream, std::string_view piece) {
  const std::lock_guard lock(mutex_);
  std::string& unfinished = unfinished_[std::to_underlying(stream)];
  while (!piece.empty() && !truncated_) {
    const std::size_t end = piece.find('\n');
    unfinished.append(piece.substr(0, end));
    piece.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
    if (end != std::string_view::npos || unfinished.size() >= kLineSizeMax) {
      add_line(stream, unfinished);
      unfinished.clear();
    }
  }
}

Bytes CallLog::end() {
  flush_streams();
  const std::lock_guard lock(mutex_);
  for (const Stream stream : {Stream::kOut, Stream::kErr}) {
    std::string& unfinished = unfinished_[std::to_underlying(stream)];
    if (!unfinished.empty()) add_line(stream, unfinished);
    unfinished.clear();
  }
  if (truncated_) {
    text_.append(iso_time(clock_.unix_ms()))
        .append(" stderr: Logs were truncated because the total bytes size exceeds the limit of ")
        .append(std::to_string(size_max_))
        .append(" bytes.\n");
  }
  return to_bytes(std::string_view(std::exchange(text_, {})));
}

}  // namespace clemmys::runtime
