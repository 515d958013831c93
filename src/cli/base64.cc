#include "cli/base64.h"

#include <openssl/evp.h>

namespace clemmys::cli {

std::string to_base64(ByteView bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  Bytes bytes(3 * (text.size() / 4) + 3);
  const int size = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return Error{ErrorCode::kCorrupt, "cli.base64"};
  // EVP_DecodeBlock counts padding as zero bytes.
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  if (to_base64(bytes) != text) return Error{ErrorCode::kCorrupt, "cli.base64.canonical"};
  return bytes;
}

}  // namespace clemmys::cli
