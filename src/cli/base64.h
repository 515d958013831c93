// base64.h: RFC 4648 section 4, by OpenSSL. One encoding per value: decoding refuses white space and
// non-canonical endings.
#pragma once

#include "base/bytes.h"

namespace clemmys::cli {

std::string to_base64(ByteView bytes);
Result<Bytes> from_base64(std::string_view text);

}  // namespace clemmys::cli
