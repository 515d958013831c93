// js-snapshot PRELUDE OUTPUT: runs at build time: evaluates the prelude in a new engine and writes the
// memory. The host here has no time and no chance, so that the same prelude gives the same bytes.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "runtime/js/engine.h"

namespace clemmys::runtime::js {
namespace {

class StillHost final : public Host {
 public:
  Value call(Engine&, std::size_t function, std::span<const Value>) override {
    fprintf(stderr, "the prelude must not call host.%s while it is evaluated\n",
            std::string(kHostFunctions[function]).c_str());
    exit(1);
  }
  bool interrupted() override { return false; }
  std::uint64_t unix_ns() override { return 0; }
  std::uint64_t monotonic_ns() override { return 0; }
};

int run(const char* prelude, const char* output) {
  std::ifstream in(prelude, std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(in), {}};
  StillHost host;
  std::string problem;
  const auto engine = Engine::boot(host, source, problem);
  if (!engine) {
    fprintf(stderr, "%s: %s\n", prelude, problem.c_str());
    return 1;
  }
  const Bytes bytes = encode(engine->save());
  std::ofstream out(output, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return out.good() ? 0 : 1;
}

}  // namespace
}  // namespace clemmys::runtime::js

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "usage: js-snapshot PRELUDE OUTPUT\n"), 2;
  return clemmys::runtime::js::run(argv[1], argv[2]);
}
