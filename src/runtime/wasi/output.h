// output.h: a command's standard output: its last line is the answer, what comes before it belongs to the
// log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace clemmys::runtime::wasi {

class Output {
 public:
  using Log = std::function<void(std::string_view line)>;
  // Lines over size_max (bytes) are cut; take() says how long the last one was.
  Output(Log log, std::size_t size_max) : log_(std::move(log)), size_max_(size_max) {}

  void append(std::string_view piece);
  struct Line {
    Bytes text;
    std::size_t size = 0;  // over the limit: more than text has
  };
  // take ends the output and gives its last line that is not blank; the rest has gone to the log.
  Line take();

 private:
  void grow(std::string_view piece);
  void end_line();

  Log log_;
  std::size_t size_max_;
  Line answer_, current_;
  bool blank_ = true;  // current_ has nothing but spaces
};

}  // namespace clemmys::runtime::wasi
