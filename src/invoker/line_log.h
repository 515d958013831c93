// line_log.h: copies what a process prints into the log, line by line with a prefix. The text is another
// party's: long lines are cut, unprintable bytes replaced, and a process that prints too much is heard no
// more. Threads: the loop's only.
#pragma once

#include <memory>
#include <string>

#include "controller/link.h"

namespace clemmys::invoker {

class LineLog {
 public:
  // LineLog takes ownership of the read end of a pipe.
  LineLog(controller::Loop& loop, int descriptor, std::string prefix);
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;
  // finish takes what is in the pipe, once its process has ended, and closes it, whoever else may hold the
  // other end.
  void finish();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::invoker
