// A target that aborts at its built-in seed, for replay_test.sh.
#include "fuzz.h"

namespace clemmys::fuzz {
std::vector<Bytes> seeds() { return {to_bytes(as_bytes("harmless")), to_bytes(as_bytes("deadly"))}; }
}  // namespace clemmys::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CHECK(clemmys::as_text(clemmys::ByteView(data, size)) != "deadly");
  return 0;
}
