// host_processes.h: host processes (clemmys-host --await-image) of function instances, some of them started
// ahead. A process that waits has opened its platform, has entered empty namespaces, and holds no enclave: it
// is anybody's, until an image is handed to it, once and for good. Threads: the loop's only.
#pragma once

#include <sys/types.h>

#include <deque>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/link.h"

namespace clemmys::invoker {

// HostProgram is how a host process is started: `binary --platform P --soft-state D --fd 3 --await-image`.
struct HostProgram {
  std::string binary;
  std::string platform = "auto";
  std::string soft_state;
  std::string quote_socket;   // where an instance's connection to the quoting service is opened; empty: none
  std::size_t prewarmed = 2;  // processes started ahead
  std::uint64_t soft_epc_mib = 0;             // page cache of software SGX in each; 0: no limit
  std::vector<std::string> environment = {};  // NAME=VALUE
};

// HostProcess owns a process and our ends of its link and output. Destroying it kills and reaps it.
class HostProcess {
 public:
  static Result<HostProcess> start(const HostProgram& program, const Clock& clock);
  HostProcess(HostProcess&& other) noexcept;
  HostProcess& operator=(HostProcess&& other) noexcept;
  ~HostProcess();

  bool has_ended() const;
  int link() const { return link_; }
  pid_t pid() const { return pid_; }
  std::uint64_t spawned_ns() const { return spawned_ns_; }
  // take_… give a descriptor away.
  int take_link() { return std::exchange(link_, -1); }
  int take_output() { return std::exchange(output_, -1); }
  int take_pidfd() { return std::exchange(pidfd_, -1); }
  int take_memory() { return std::exchange(memory_, -1); }

 private:
  HostProcess() = default;
  int pidfd_ = -1, link_ = -1, output_ = -1;
  int memory_ = -1;  // /proc/PID/status
  pid_t pid_ = -1;
  std::uint64_t spawned_ns_ = 0;
};

class HostProcesses {
 public:
  // The first processes are started from the loop. All references must outlive it.
  HostProcesses(controller::Loop& loop, const Clock& clock, HostProgram program);
  ~HostProcesses();
  // close ends those that wait, and starts no more.
  void close();

  // take gives a process that waits already, or a fresh one.
  Result<HostProcess> take();
  std::size_t waiting() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clemmys::invoker
