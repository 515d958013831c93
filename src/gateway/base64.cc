#include "gateway/base64.h"

#include <openssl/evp.h>

namespace clemmys::gateway {
namespace {
constexpr std::size_t kChunk = 3 << 20;  // bytes of OpenSSL's int-sized calls
}

void append_base64(std::string& out, ByteView bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
    const ByteView part = bytes.subspan(at, std::min(kChunk, bytes.size() - at));
    const std::size_t start = out.size(), size = (part.size() + 2) / 3 * 4;
    out.resize(start + size + 1);  // EVP_EncodeBlock ends with a NUL
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + start), part.data(),
                    static_cast<int>(part.size()));
    out.resize(start + size);
  }
}

Result<Bytes> from_base64(std::string_view text) {
  const Error bad{ErrorCode::kInvalid, "gateway.base64"};
  if (text.size() % 4 != 0 || text.size() > (1u << 30)) return bad;
  if (text.empty()) return Bytes();
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  // EVP_DecodeBlock forgives white space at the ends and '=' anywhere in the last group.
  const auto white = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  if (white(text.front()) || white(text.back()) ||
      text.substr(0, text.size() - padding).find('=') != text.npos)
    return bad;
  Bytes out(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0 || static_cast<std::size_t>(size) != out.size()) return bad;
  out.resize(out.size() - padding);
  return out;
}

}  // namespace clemmys::gateway
