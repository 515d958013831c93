// js: the program of the generic image. As an ordinary process: js FILE.js|FILE.zip [MAIN], the request on
// standard input.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "crypto/crypto.h"
#include "runtime/js/script.h"

int main(int argc, char** argv) {
  using namespace clemmys;
  using namespace clemmys::runtime;
  if (argc < 2) return fprintf(stderr, "usage: js FILE.js|FILE.zip [MAIN]\n"), 2;
  if (!crypto::initialize()) return 1;
  std::ifstream in(argv[1], std::ios::binary);
  const std::string code{std::istreambuf_iterator<char>(in), {}};
  if (!in) return fprintf(stderr, "js: cannot read %s\n", argv[1]), 2;
  const ScriptSource source{.code = as_bytes(code),
                            .is_zip = code.starts_with("PK\3\4"),
                            .main = argc > 2 ? argv[2] : "main",
                            .environment = {}};
  LoadedScript loaded = load_script(source, {});
  if (const auto* failure = std::get_if<InitFailure>(&loaded))
    return fprintf(stderr, "js: %s\n", failure->text.c_str()), 2;
  auto& script = std::get<std::unique_ptr<Script>>(loaded);
  return run_local([&script](const Call& call) { return script->call(call); });
}
