#include "runtime/native/call_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace clemmys::runtime {

namespace {

std::string iso_time(std::uint64_t unix_ms) {
  const time_t seconds = static_cast<time_t>(unix_ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[64];
  snprintf(stamp, sizeof stamp, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
           parts.tm_min, parts.tm_sec, static_cast<unsigned>(unix_ms % 1000));
  return stamp;
}

bool replace_by_memory(int descriptor, const char* name) {
  const int memory = memfd_create(name, MFD_CLOEXEC);
  if (memory < 0) {
    close(descriptor);
    return false;
  }
  const bool replaced = dup2(memory, descriptor) == descriptor;
  close(memory);
  if (!replaced) close(descriptor);
  return replaced;
}

}  // namespace

void CallLog::redirect_standard_streams() {
  fflush(nullptr);
  const bool out = replace_by_memory(STDOUT_FILENO, "stdout"), err = replace_by_memory(STDERR_FILENO, "stderr");
  captures_streams_ = out && err;
}

void CallLog::begin(std::size_t size_max) {
  std::lock_guard lock(mutex_);
  text_.clear();
  size_max_ = size_max;
  truncated_ = false;
}

void CallLog::add(std::string_view stream, std::string_view text) {
  const std::string prefix = iso_time(clock_.unix_ms()) + " " + std::string(stream) + ": ";
  std::lock_guard lock(mutex_);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (text_.size() + prefix.size() + line.size() + 1 > size_max_) {
      truncated_ = true;
      return;
    }
    text_.append(prefix).append(line).append("\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

void CallLog::drain(int descriptor, std::string_view stream) {
  const off_t size = lseek(descriptor, 0, SEEK_CUR);
  if (size <= 0) return;
  std::string text(std::min(static_cast<std::size_t>(size), size_max_ + 1), '\0');
  const ssize_t count = pread(descriptor, text.data(), text.size(), 0);
  if (ftruncate(descriptor, 0) != 0 || lseek(descriptor, 0, SEEK_SET) != 0) captures_streams_ = false;
  if (count > 0) add(stream, std::string_view(text).substr(0, static_cast<std::size_t>(count)));
}

Bytes CallLog::end() {
  if (captures_streams_) {
    fflush(nullptr);
    drain(STDOUT_FILENO, "stdout");
    drain(STDERR_FILENO, "stderr");
  }
  std::lock_guard lock(mutex_);
  if (truncated_) text_.append(iso_time(clock_.unix_ms())).append(" stderr: Logs were truncated because they exceeded the limit.\n");
  return to_bytes(std::string_view(text_));
}

}  // namespace clemmys::runtime
