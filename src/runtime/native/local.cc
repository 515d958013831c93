// The same program as an ordinary process, for debugging: the request on standard input, the answer on
// standard output, logs on standard error. Input that is a JSON object is a JSON request; anything else is
// bytes.
#include <unistd.h>

#include <cstdio>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/native/handler.h"
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

}  // namespace

int run_local(const Handler& handler) {
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
  call.activation_id = std::string(32, '0');
  call.action_name = kLocalActionName;
  call.action_version = kLocalVersion;
  call.namespace_name = kLocalNamespace;
  call.timeout_ms = wire::Limits{}.timeout_ms;
  call.deadline_unix_ms = SystemClock().unix_ms() + call.timeout_ms;
  const Reply reply = handler(call);
  fflush(stdout);
  switch (reply.kind) {
    case Reply::Kind::kAnswer:
      if (reply.is_json && shape_of(reply.body) == JsonShape::kInvalid) {
        write_all(answer, error_json(wire::text::kNoDictionary));
        return 2;
      }
      return write_all(answer, reply.body) ? 0 : 1;
    case Reply::Kind::kFailure:
      write_all(answer, error_json(reply.text));
      return 1;
    case Reply::Kind::kFault:
    case Reply::Kind::kOutOfTime:
      write_all(answer, error_json(reply.text));
      return 2;
    case Reply::Kind::kException:
      log_error("the handler ended with an exception: " + reply.text);
      return 2;
    case Reply::Kind::kOutOfMemory:
      log_error("the handler ran out of memory");
      return 2;
  }
  return 2;
}

}  // namespace clemmys::runtime
