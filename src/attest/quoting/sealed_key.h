// sealed_key.h: the attestation key at rest. Only the same quoting enclave on the same machine opens it; a
// lost or changed file means a new key, which is certified anew: nothing depends on the old one. Trust:
// trusted. Format: "CLQK" ‖ u32 version 1 ‖ nonce (12) ‖ AES-128-GCM(scalar, 32) ‖ tag (16); the first 8
// bytes are authenticated, too.
#pragma once

#include <string>

#include "attest/p256.h"

namespace clemmys::attest {

Result<Bytes> seal_key(const P256Key& key, const Secret<16>& seal_key);
// open_sealed_key is kCorrupt for anything but a file sealed under this key.
Result<P256Key> open_sealed_key(ByteView sealed, const Secret<16>& seal_key);

// load_or_make_key opens `path`, or makes a key and writes it there by rename of "PATH.new".
Result<P256Key> load_or_make_key(const std::string& path, const Secret<16>& seal_key);

}  // namespace clemmys::attest
