// seal.h: the one place where payload bytes become ciphertext and back. Key use: every message has its own
// AES-256-GCM key, HKDF-SHA256(key, salt = 24 fresh random bytes, info "clemmys/message/v1"), so the nonce is
// all zero and no counter has to survive a restart. Inner header of wire/; tests/security has a
// stand-in for one test build. Trust: shared.
#pragma once

#include "wire/envelope.h"
#include "wire/padding.h"

namespace clemmys::wire {

inline constexpr std::size_t kSealTagSize = 16;

// seal_in_place encrypts message[start, end − tag) and writes the tag into the last 16 bytes.
void seal_in_place(const Key& key, const Salt& salt, ByteView aad, MutableBytes data_and_tag);
// open_sealed gives the padded plaintext, or kCorrupt.
Result<Bytes> open_sealed(const Key& key, const Salt& salt, ByteView aad, ByteView ciphertext_and_tag);

}  // namespace clemmys::wire
