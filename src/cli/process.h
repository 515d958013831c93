// process.h: other programs as children of this one. A child never outlives us: the kernel kills it when we
// die, and a Child that goes out of scope is ended. Trust: the operator's machine. Threads: all children
// start on the main thread (the parent death signal belongs to the thread that forked).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/files.h"

namespace clemmys::cli {

class Child {
 public:
  // start runs `arguments` (arguments[0] is the program's path) in `folder`, output appended to `log`, in a
  // process group of its own, so that a terminal's interrupt reaches only us and we choose the order of
  // ending.
  static Result<Child> start(std::string name, const std::vector<std::string>& arguments,
                             const fs::path& folder, const fs::path& log);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  const std::string& name() const { return name_; }
  const fs::path& log() const { return log_; }
  pid_t pid() const { return pid_; }
  // ended is how the child ended ("exit status 3", "signal 11"), or nothing while it runs.
  std::optional<std::string> ended();
  // end asks it to end (SIGTERM), then insists (SIGKILL) after `grace`.
  void end(std::chrono::milliseconds grace = std::chrono::seconds(5));

 private:
  Child(std::string name, fs::path log, pid_t pid)
      : name_(std::move(name)), log_(std::move(log)), pid_(pid) {}
  std::string name_;
  fs::path log_;
  pid_t pid_ = -1;
  std::optional<std::string> ended_;
};

// last_lines of a log, each indented: what an error message shows.
std::string last_lines(const fs::path& log, std::size_t count);

// Output says where a tool's standard output goes: to ours, to standard error (so that ours stays for
// results), or nowhere.
enum class Output { kStandard, kError, kNowhere };

// run_to_end runs a tool with our standard streams, or with `input` as its standard input, and gives its exit
// status; a signal is 128 + its number. It ends the tool after `timeout` (kDeadline at cli.process.timeout),
// and when we are to end ourselves (kDeadline at cli.process.interrupted), so that the caller cleans up.
Result<int> run_to_end(const std::vector<std::string>& arguments, Output output, const fs::path& input = {},
                       std::optional<std::chrono::milliseconds> timeout = {});

}  // namespace clemmys::cli
