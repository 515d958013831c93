// script.h: one JavaScript function in a sandbox of its own: loaded once, called one request at a time.
//
//   auto loaded = load_script({.code = text, .main = "main"}, {.memory_mib = 256});
//   if (auto* failure = std::get_if<InitFailure>(&loaded)) …   // failure->text is for the client
//   Reply reply = std::get<std::unique_ptr<Script>>(loaded)->call(call);
//
// What the function prints goes to stdout and stderr, which an instance replaces (standard_streams.h). Traces
// of errors go there only. Trust: trusted; the code and everything it returns is the function's. Threads:
// one.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/native/handler.h"

namespace clemmys::runtime {

// ScriptSource: `code` is a source text, or a zip archive with a package.json or an index.js at its root.
// `main` names the function ("main" when empty); "file.function" names another file of the archive.
// `environment` is what process.env holds for good (__OW_ACTION_NAME, __OW_NAMESPACE, …). __OW_ACTIVATION_ID
// and __OW_DEADLINE come with each call; while the code loads they are those of the call that it is loaded
// for.
struct ScriptSource {
  std::span<const std::uint8_t> code;
  bool is_zip = false;
  std::string main = "main";
  std::vector<std::pair<std::string, std::string>> environment;
  std::string activation_id;
  std::uint64_t deadline_unix_ms = 0;
};

// ScriptLimits: memory_mib is the action's whole limit; the sandbox gets what the runtime does not need
// itself. Loading may take load_ms.
struct ScriptLimits {
  std::uint32_t memory_mib = 256;
  std::uint64_t load_ms = 60'000;
};

// InitFailure: what the client is told. Reply makes it the answer of a call.
struct InitFailure {
  std::string text;
  bool out_of_time = false;
  Reply reply() const {
    return {out_of_time ? Reply::Kind::kOutOfTime : Reply::Kind::kFault, true, {}, text};
  }
};

class Script {
 public:
  virtual ~Script() = default;
  // call runs the function and its promises, until the answer or the call's deadline (deadline_unix_ms; 0 is
  // none). A function that ended its process, ran out of time or trapped has lost its state: the next call
  // starts from the code again.
  virtual Reply call(const Call& call) = 0;
  // reset puts memory back to the state right after loading (`isolate: true`): nothing of earlier calls is
  // left. Only for a script that was loaded with Isolation::kResettable.
  virtual void reset() = 0;
  // memory_size is what the sandbox has now, in bytes.
  virtual std::size_t memory_size() const = 0;
};

// Sandbox is an engine before it has any code. prepare_sandbox makes one that has worked: it loaded and ran a
// function of ours, and was put back to the image's snapshot, so that the memory that a first function needs
// is there. A prewarmed instance has it before its function is known.
class Sandbox;
struct SandboxEnd {
  void operator()(Sandbox* sandbox) const;
};
using SandboxOwner = std::unique_ptr<Sandbox, SandboxEnd>;
SandboxOwner prepare_sandbox();

using LoadedScript = std::variant<std::unique_ptr<Script>, InitFailure>;
// Isolation: kResettable keeps a copy of the memory right after loading.
enum class Isolation : std::uint8_t { kSharedState, kResettable };
// load_script loads the code into a sandbox that starts from the image's snapshot: the one that is given, or
// a new one.
LoadedScript load_script(const ScriptSource& source, const ScriptLimits& limits,
                         Isolation isolation = Isolation::kSharedState, SandboxOwner sandbox = nullptr);

// syntax_error compiles the file that has the function, and runs nothing: what is wrong with it, as
// "FILE:LINE:COLUMN: SyntaxError: …" with a path in the archive, where the error has a place. Nothing: it
// compiles.
std::optional<std::string> syntax_error(const ScriptSource& source);

}  // namespace clemmys::runtime
