// call_log.h: the log of one call: lines "<ISO time> stdout: text" from clemmys::log and from all that the
// program prints (standard_streams.h). It leaves the enclave sealed only. Any thread of the handler may add
// to it.
#pragma once

#include <array>
#include <mutex>

#include "base/bytes.h"
#include "base/clock.h"
#include "runtime/native/standard_streams.h"

namespace clemmys::runtime {

class CallLog {
 public:
  explicit CallLog(const Clock& clock) : clock_(clock) {}

  void begin(std::size_t size_max);
  // add takes whole lines; append takes pieces of a stream and makes a line of what stands before each line
  // end.
  void add(Stream stream, std::string_view text);
  void append(Stream stream, std::string_view piece);
  // end returns the finished log, the oldest lines first; what is over the limit is dropped and a last line
  // says so.
  Bytes end();

 private:
  void add_line(Stream stream, std::string_view line);

  const Clock& clock_;
  std::mutex mutex_;
  std::string text_;
  std::array<std::string, 2> unfinished_;  // per stream: the start of a line
  std::size_t size_max_ = 0;
  bool truncated_ = false;
};

}  // namespace clemmys::runtime
