#include "wire/code.h"

#include "base/check.h"
#include "crypto/crypto.h"
#include "wire/envelope.h"

namespace clemmys::wire {
namespace {

Bytes associated_data(const CodeId& id) {
  Bytes data = to_bytes("clemmys/code/v1");
  data.insert(data.end(), id.bytes.begin(), id.bytes.end());
  return data;
}

}  // namespace

void write(Writer& writer, const CodeKey& code) {
  writer.fixed(code.id);
  writer.secret(code.key);
}

CodeKey read_code_key(Reader& reader) {
  CodeKey code;
  code.id = reader.fixed<CodeId>();
  code.key = reader.secret();
  return code;
}

Bytes seal_code(const CodeKey& code, ByteView clear) {
  CHECK(clear.size() <= kCodeSizeMax);
  return seal_blob(code.key, associated_data(code.id), clear);
}

Result<Bytes> open_code(const CodeKey& code, const Digest& digest, ByteView sealed) {
  if (sealed.size() > kSealedCodeSizeMax) return Error{ErrorCode::kCorrupt, "wire.code.size"};
  Bytes clear = TRY(open_blob(code.key, associated_data(code.id), sealed));
  if (crypto::sha256(clear) == digest) return clear;
  wipe(clear.data(), clear.size());
  return Error{ErrorCode::kCorrupt, "wire.code.digest"};
}

}  // namespace clemmys::wire
