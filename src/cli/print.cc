#include "cli/print.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <ctime>
#include <iostream>

#include "base/clock.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

void indent(std::string& out, int depth) { out.append(static_cast<std::size_t>(depth) * 2, ' '); }

void render(std::string& out, const json::value& value, int depth) {
  if (value.is_object() && !value.get_object().empty()) {
    out += "{\n";
    std::size_t left = value.get_object().size();
    for (const auto& [key, member] : value.get_object()) {
      indent(out, depth + 1);
      out += json::serialize(json::string(key)) + ": ";
      render(out, member, depth + 1);
      out += --left > 0 ? ",\n" : "\n";
    }
    indent(out, depth);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    out += "[\n";
    std::size_t left = value.get_array().size();
    for (const json::value& element : value.get_array()) {
      indent(out, depth + 1);
      render(out, element, depth + 1);
      out += --left > 0 ? ",\n" : "\n";
    }
    indent(out, depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

long long now_ms() { return static_cast<long long>(SystemClock().monotonic_ns() / 1'000'000); }

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& letter : out) {
    const auto code = static_cast<unsigned char>(letter);
    if ((code < 0x20 && letter != '\n' && letter != '\t') || code == 0x7f) letter = '?';
  }
  return out;
}

std::string utc(std::int64_t unix_s) {
  const auto seconds = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%FT%TZ", &parts)};
}

void print_json(const json::value& value) {
  std::string out;
  render(out, value, 0);
  std::cout << out << std::endl;
}

void heading(std::string_view text) {
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  std::cout << (terminal ? "\033[1m" : "") << text << (terminal ? "\033[0m" : "") << std::endl;
}

void field(std::string_view name, std::string_view value) {
  std::string padded(name);
  padded.resize(std::max<std::size_t>(padded.size() + 1, 24), ' ');
  std::cout << "  " << padded << printable(value) << std::endl;
}

Progress::Progress(std::string_view what, bool quiet) : what_(what), quiet_(quiet), start_ms_(now_ms()) {
  if (!quiet_ && ::isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "  … %s\r", what_.c_str());
}

Progress::~Progress() {
  if (!quiet_ && !done_) std::fprintf(stderr, "  ✗ %s\n", what_.c_str());
}

void Progress::done(std::string_view note) {
  done_ = true;
  if (quiet_) return;
  std::fprintf(stderr, "  ✓ %s (%lld ms)%s%.*s\n", what_.c_str(), now_ms() - start_ms_,
               note.empty() ? "" : ": ", static_cast<int>(note.size()), note.data());
}

}  // namespace clemmys::cli
