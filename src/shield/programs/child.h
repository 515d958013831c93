// child.h: a process of its own whose output is read while it runs, and which can be killed in the middle of
// what it does.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>

namespace clemmys::shield {

class Child {
 public:
  // The constructor runs a shell command, whose last program becomes the child itself.
  explicit Child(const std::string& command);
  ~Child();  // kills it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // line reads one line without its end; empty at the end of the output.
  std::string line();
  void kill();
  // wait gives the exit status, 128 + number for a signal.
  int wait();

 private:
  pid_t process_ = -1;
  FILE* output_ = nullptr;
};

}  // namespace clemmys::shield
