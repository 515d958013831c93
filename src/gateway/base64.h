// base64.h: RFC 4648 base64 with padding, by OpenSSL.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace clemmys::gateway {

void append_base64(std::string& out, ByteView bytes);
// from_base64 refuses anything but the alphabet and correct padding.
Result<Bytes> from_base64(std::string_view text);

}  // namespace clemmys::gateway
