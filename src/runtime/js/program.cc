#include "runtime/js/program.h"

#include <algorithm>

#include "base/clock.h"
#include "base/secret.h"

namespace clemmys::runtime {

Status ScriptProgram::become(const wire::StepKeys& keys, const wire::Header& header, BlobSource& blobs) {
  if (script_) return {};
  if (!keys.script) return Error{ErrorCode::kDenied, "runtime.script.keys"};
  const wire::ScriptKeys& script = *keys.script;
  const Bytes sealed = TRY(blobs.fetch(script.code.id));
  Bytes code = TRY(wire::open_code(script.code, keys.code, sealed));
  isolate_ = script.isolate;
  const ScriptSource source{
      .code = code,
      .is_zip = script.is_zip,
      .main = script.main.empty() ? "main" : script.main,
      .environment = script.environment,
      .activation_id = to_hex(header.activation),
      .deadline_unix_ms = std::min(header.deadline_unix_ms, SystemClock().unix_ms() + keys.in.timeout_ms)};
  script_ = load_script(source, {.memory_mib = keys.in.memory_mib, .load_ms = keys.in.timeout_ms},
                        isolate_ ? Isolation::kResettable : Isolation::kSharedState, std::move(sandbox_));
  wipe(code.data(), code.size());
  return {};
}

Reply ScriptProgram::call(const Call& call) {
  if (const auto* failure = std::get_if<InitFailure>(&*script_)) {
    Reply reply = failure->reply();
    reply.retire = true;
    return reply;
  }
  Script& script = *std::get<std::unique_ptr<Script>>(*script_);
  Reply reply = script.call(call);
  if (isolate_) script.reset();
  return reply;
}

}  // namespace clemmys::runtime
