// print.h: what people see on standard output. Text that comes from a platform is made harmless before a
// terminal gets it.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace clemmys::cli {

// printable replaces control characters (all but newline and tab), so that no text moves the cursor or
// changes titles.
std::string printable(std::string_view text);

// utc gives a Unix time in seconds as 2026-01-31T12:00:00Z.
std::string utc(std::int64_t unix_s);

// print_json writes indented JSON, object members in their order, with a newline at the end.
void print_json(const boost::json::value& value);

// heading marks a section, bold on a terminal.
void heading(std::string_view text);
// field prints "  name      value", names padded to one column.
void field(std::string_view name, std::string_view value);

// Progress prints what is being done, to standard error, and how long it took; silent when `quiet`.
class Progress {
 public:
  Progress(std::string_view what, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void done(std::string_view note = {});

 private:
  std::string what_;
  bool quiet_, done_ = false;
  long long start_ms_;
};

}  // namespace clemmys::cli
