// js: the program of the generic image. With a link on descriptor 3 it is an instance; else an ordinary
// process: js FILE.js|FILE.zip [MAIN], the request on standard input; js --check compiles and runs nothing.
// No stream of C++ is used: they would be a fifth of the image.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "runtime/js/program.h"

namespace clemmys::runtime {
namespace {

std::optional<Bytes> read_file(const char* path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  Bytes content, chunk(64u << 10);
  ssize_t count;
  while ((count = read(descriptor, chunk.data(), chunk.size())) > 0)
    content.insert(content.end(), chunk.begin(), chunk.begin() + count);
  close(descriptor);
  return count < 0 ? std::nullopt : std::optional(std::move(content));
}

int run_as_instance() {
  ScriptProgram script;
  return run_program({.prepare = [&script] { script.prepare(); },
                      .call = [&script](const Call& call) { return script.call(call); },
                      .become = [&script](const wire::StepKeys& keys, const wire::Header& header,
                                          BlobSource& blobs) { return script.become(keys, header, blobs); },
                      .memory = MemoryKeeper::kSandbox});
}

int run_file(const char* path, const char* main, bool only_check) {
  if (!crypto::initialize()) return 1;
  const std::optional<Bytes> code = read_file(path);
  if (!code) return fprintf(stderr, "js: cannot read %s\n", path), 2;
  const LocalLimits limits = local_limits();
  const ScriptSource source{.code = *code,
                            .is_zip = as_text(*code).starts_with("PK\3\4"),
                            .main = main,
                            .environment = {{"__OW_NAMESPACE", std::string(kLocalNamespace)},
                                            {"__OW_ACTION_NAME", std::string(kLocalActionName)},
                                            {"__OW_ACTION_VERSION", std::string(kLocalVersion)}},
                            .activation_id = std::string(kLocalActivation),
                            .deadline_unix_ms = SystemClock().unix_ms() + limits.timeout_ms};
  if (only_check) {
    std::optional<std::string> problem = syntax_error(source);
    if (!problem) return 0;
    constexpr std::string_view kOwnName = "index.js";
    if (!source.is_zip && problem->starts_with(kOwnName)) problem->replace(0, kOwnName.size(), path);
    return fprintf(stderr, "%s\n", problem->c_str()), 2;
  }
  const LoadedScript loaded = load_script(source, {.memory_mib = limits.memory_mib});
  return run_local(
      [&loaded](const Call& call) -> Reply {
        if (const auto* failure = std::get_if<InitFailure>(&loaded)) return failure->reply();
        return std::get<std::unique_ptr<Script>>(loaded)->call(call);
      },
      MemoryKeeper::kSandbox);
}

}  // namespace
}  // namespace clemmys::runtime

int main(int argc, char** argv) {
  using namespace clemmys::runtime;
  if (has_link()) return run_as_instance();
  const bool only_check = argc > 1 && std::string_view(argv[1]) == "--check";
  if (only_check) --argc, ++argv;
  if (argc < 2) return fprintf(stderr, "usage: js [--check] FILE.js|FILE.zip [MAIN]\n"), 2;
  return run_file(argv[1], argc > 2 ? argv[2] : "main", only_check);
}
