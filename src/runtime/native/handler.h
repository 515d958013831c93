// handler.h: the user's handler as the runtime sees it. Standard types only: the public header
// (sdk/…/function.h) and base/ both have a clemmys::Result, so serve.cc, which includes the public header,
// includes this and no base header.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clemmys::runtime {

struct Call {
  bool is_json = true;
  std::span<const std::uint8_t> body;  // JSON: default parameters merged in
  std::string_view parameters_json;    // merged defaults alone, a JSON object
  std::string activation_id, action_name, action_version, namespace_name;
  std::uint64_t deadline_unix_ms = 0;  // this step's, no later than the whole chain's
  std::uint64_t timeout_ms = 0;        // this step's limits; 0: none
  std::uint32_t memory_mib = 0;
};

// Names of a local run, which has no platform to give any.
inline constexpr std::string_view kLocalNamespace = "local", kLocalActionName = "/local/function",
                                  kLocalVersion = "0.0.1",
                                  kLocalActivation = "00000000000000000000000000000000";

struct Reply {
  enum class Kind : std::uint8_t { kAnswer, kFailure, kFault, kOutOfTime, kException, kOutOfMemory };
  Kind kind = Kind::kAnswer;
  bool is_json = true;
  std::vector<std::uint8_t> body;  // kAnswer
  // kFailure: the handler's own error, kFault and kOutOfTime: the developer's, all for the client;
  // kException: for the log only.
  std::string text;
  bool retire = false;  // a fault after which the instance is of no use
};

using Handler = std::function<Reply(const Call&)>;

// MemoryKeeper is who keeps the action's memory limit: the whole process, or a sandbox in it, whose reserved
// address space would count against the process.
enum class MemoryKeeper : std::uint8_t { kProcess, kSandbox };

// run_instance serves the invoker on descriptor 3 until it closes the link; run_local answers one request
// from stdin. Both return the program's exit status: of run_local 0, or 1 when the answer is an error.
int run_instance(const Handler& handler);
int run_local(const Handler& handler, MemoryKeeper memory = MemoryKeeper::kProcess);
// local_limits are those of a local run: CLEMMYS_MEMORY_MIB and CLEMMYS_TIMEOUT_MS, or the platform's
// defaults.
struct LocalLimits {
  std::uint32_t memory_mib, timeout_ms;
};
LocalLimits local_limits();
// has_link tells whether descriptor 3 is a socket.
bool has_link();

// log_line adds to the log of the running call; before the first call it is dropped.
void log_line(std::string_view line);

}  // namespace clemmys::runtime
