// base64.h: RFC 4648 section 4 (with padding), by libsodium: time does not depend on the bytes. One encoding
// per value: decoding refuses white space, missing padding and stray bits. Any thread may call it.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace clemmys::crypto {

std::string to_base64(ByteView bytes);
void append_base64(std::string& out, ByteView bytes);
// from_base64 is kInvalid at "crypto.base64" for anything but the one encoding of some bytes.
Result<Bytes> from_base64(std::string_view text);

}  // namespace clemmys::crypto
