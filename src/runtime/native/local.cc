// The same program as an ordinary process, for debugging: the request on standard input, the answer on
// standard output, logs on standard error. Input that is a JSON object is a JSON request; anything else is
// bytes. JSON answers end with a newline. Errors have the platform's words; time is its starter's to limit.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/native/handler.h"
#include "runtime/native/memory_scope.h"
#include "runtime/native/merge.h"
#include "wire/definitions.h"
#include "wire/links.h"

namespace clemmys::runtime {

namespace {

Bytes read_all(int descriptor) {
  Bytes all, chunk(64u << 10);
  for (ssize_t count; (count = read(descriptor, chunk.data(), chunk.size())) > 0;)
    all.insert(all.end(), chunk.begin(), chunk.begin() + count);
  return all;
}

bool write_all(int descriptor, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

// to_json is what a client of the platform would read.
Bytes to_json(const Reply& reply) {
  switch (reply.kind) {
    case Reply::Kind::kAnswer:
      if (shape_of(reply.body) != JsonShape::kInvalid) return reply.body;
      log_error("the handler's answer is not a JSON object or array");
      return error_json(wire::text::kNoDictionary);
    case Reply::Kind::kException:
      log_error("the handler ended with an exception: " + reply.text);
      return error_json(wire::text::kAbnormalRun);
    case Reply::Kind::kOutOfMemory:
      return error_json(wire::text::kMemoryExhausted);
    default:
      return error_json(reply.text);
  }
}

}  // namespace

LocalLimits local_limits() {
  const auto limit = [](const char* name, std::uint32_t otherwise) {
    const char* const text = getenv(name);
    const unsigned long value = text != nullptr ? strtoul(text, nullptr, 10) : 0;
    return value != 0 ? static_cast<std::uint32_t>(value) : otherwise;
  };
  const wire::Limits defaults;
  return {limit("CLEMMYS_MEMORY_MIB", defaults.memory_mib), limit("CLEMMYS_TIMEOUT_MS", defaults.timeout_ms)};
}

int run_local(const Handler& handler, MemoryKeeper memory) {
  set_log_part("local");
  // Standard output is the answer's alone, where the system can: what the handler prints goes to standard
  // error.
  const int kept = dup(STDOUT_FILENO);
  const int answer = kept >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 ? kept : STDOUT_FILENO;
  if (isatty(STDIN_FILENO))
    log_info("reading the request (a JSON object, or bytes) from standard input; end it with Ctrl-D");
  Bytes input = read_all(STDIN_FILENO);
  if (input.empty()) input = to_bytes(std::string_view("{}"));
  Call call;
  call.is_json = shape_of(input) != JsonShape::kInvalid;
  call.body = input;
  call.parameters_json = "{}";
  call.activation_id = kLocalActivation;
  call.action_name = kLocalActionName;
  call.action_version = kLocalVersion;
  call.namespace_name = kLocalNamespace;
  const LocalLimits limits = local_limits();
  call.memory_mib = limits.memory_mib;
  call.timeout_ms = limits.timeout_ms;
  call.deadline_unix_ms = SystemClock().unix_ms() + call.timeout_ms;
  const Reply reply = [&] {
    std::optional<MemoryScope> scope;
    if (memory == MemoryKeeper::kProcess) scope.emplace(call.memory_mib);
    return handler(call);
  }();
  fflush(stdout);
  if (reply.kind == Reply::Kind::kAnswer && !reply.is_json) return write_all(answer, reply.body) ? 0 : 1;
  Bytes json = to_json(reply);
  const bool is_error = shape_of(json) == JsonShape::kError;
  json.push_back('\n');
  return write_all(answer, json) && !is_error ? 0 : 1;
}

}  // namespace clemmys::runtime
