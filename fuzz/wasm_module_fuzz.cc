// WebAssembly modules as a user gives them to `clemmys build`. What is accepted comes out anew; that must be
// accepted again, as it is, and hold none of the names that wasm2c would copy into C.
#include <wabt/binary-reader-ir.h>
#include <wabt/binary-reader.h>
#include <wabt/ir.h>

#include <string>

#include "cli/wasm_module.h"
#include "fuzz.h"

namespace clemmys::fuzz {
namespace {

void check_names(ByteView accepted) {
  wabt::Module module;
  wabt::Errors errors;
  const wabt::ReadBinaryOptions options(wabt::Features(), nullptr, true, true, false);
  CHECK(wabt::Succeeded(
      wabt::ReadBinaryIr("again", accepted.data(), accepted.size(), options, &errors, &module)));
  CHECK(module.name.empty() && module.exports.size() == 2);
  for (const wabt::Export* each : module.exports) CHECK(each->name == "_start" || each->name == "memory");
  for (const wabt::Import* each : module.imports) CHECK(each->module_name == "wasi_snapshot_preview1");
}

}  // namespace

std::vector<Bytes> seeds() {
  using namespace std::string_literals;
  const std::string head = "\0asm\1\0\0\0"s, types = "\1\4\1\x60\0\0"s, functions = "\3\2\1\0"s,
                    memory = "\5\3\1\0\1"s, exports = "\7\x13\2\6memory\2\0\6_start\0\0"s,
                    code = "\xa\4\1\2\0\xb"s, names = "\0\5\4name"s;
  const std::string module = head + types + functions + memory + exports + code;
  return {to_bytes(module), to_bytes(module + names), to_bytes(head), to_bytes("\0asm\xd\0\1\0"s)};
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys;
  const auto accepted = cli::read_wasm_module({data, size}, "module");
  if (!accepted) return 0;
  const auto again = cli::read_wasm_module(accepted->bytes, "module");
  CHECK(again && again->bytes == accepted->bytes && again->initial_pages == accepted->initial_pages &&
        again->imports_nothing == accepted->imports_nothing);
  fuzz::check_names(accepted->bytes);
  return 0;
}
