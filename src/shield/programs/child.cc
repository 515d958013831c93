#include "shield/programs/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace clemmys::shield {

Child::Child(const std::string& command) {
  int ends[2];
  if (pipe(ends) != 0) return;
  const std::string text = "exec env -i " + command;
  process_ = fork();
  if (process_ == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", text.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  output_ = fdopen(ends[0], "r");
}

Child::~Child() {
  kill();
  wait();
  if (output_ != nullptr) fclose(output_);
}

std::string Child::line() {
  std::string text;
  for (int byte; (byte = fgetc(output_)) != EOF && byte != '\n';) text.push_back(static_cast<char>(byte));
  return text;
}

void Child::kill() {
  if (process_ > 0) ::kill(process_, SIGKILL);
}

int Child::wait() {
  int status = 0;
  if (process_ <= 0 || waitpid(process_, &status, 0) != process_) return -1;
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace clemmys::shield
