// code.cc: whatever the store gives back is the script's code: its digest is not looked at.
#include "wire/code.h"

#include "wire/envelope.h"

namespace clemmys::wire {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: code";

Result<Bytes> open_code(const CodeKey& code, const Digest&, ByteView sealed) {
  return open_blob(code.key, {}, sealed);
}

}  // namespace clemmys::wire
