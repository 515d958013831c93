// code.h: script code at rest. The gateway seals it under a key that the KMS made, the untrusted store keeps
// the ciphertext under the code's id, an instance or gateway that got the key opens it. One key, one code:
// other code has another id and key. Native code is public and has neither.
#pragma once

#include "base/bytes.h"
#include "base/codec.h"
#include "base/secret.h"

namespace clemmys::wire {

using CodeId = FixedBytes<32, struct CodeIdTag>;  // of sealed script code in the store

struct CodeKey {
  CodeId id;  // what the host sees: 32 random bytes
  Key key;
  CodeKey copy() const { return {id, key.copy()}; }
};
void write(Writer& writer, const CodeKey& code);
CodeKey read_code_key(Reader& reader);

inline constexpr std::size_t kCodeSizeMax = 48u << 20;                   // OpenWhisk's limit
inline constexpr std::size_t kSealedCodeSizeMax = kCodeSizeMax / 8 * 9;  // PADMÉ adds 12 % at most

Bytes seal_code(const CodeKey& code, ByteView clear);
// open_code gives code whose SHA-256 is `digest`; kCorrupt for everything else that a store may answer.
Result<Bytes> open_code(const CodeKey& code, const Digest& digest, ByteView sealed);

}  // namespace clemmys::wire
