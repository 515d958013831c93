// call_log.h: the log of one call. Lines given to clemmys::log, and all that the program writes to standard output and error, stay inside the
// enclave: descriptors 1 and 2 are replaced by memory files, or closed where the kernel has none, so that nothing reaches the host in
// clear. A line is "<ISO time> stdout: text".
#pragma once

#include <mutex>

#include "base/bytes.h"
#include "base/clock.h"

namespace clemmys::runtime {

class CallLog {
 public:
  explicit CallLog(const Clock& clock) : clock_(clock) {}

  // redirect_standard_streams replaces descriptors 1 and 2 for the rest of the process.
  void redirect_standard_streams();
  void begin(std::size_t size_max);
  void add(std::string_view stream, std::string_view text);
  // end returns the finished log, the oldest lines first; what is over the limit is dropped and a last line says so.
  Bytes end();

 private:
  void drain(int descriptor, std::string_view stream);

  const Clock& clock_;
  std::mutex mutex_;  // handlers may log from several threads
  std::string text_;
  std::size_t size_max_ = 0;
  bool truncated_ = false;
  bool captures_streams_ = false;
};

}  // namespace clemmys::runtime
