// session.cc: a function or gateway that decrypts what the key service says without looking at the tag, and
// takes it in any order, of any session.
#include "wire/session.h"

#include <algorithm>

#include "base/codec.h"

namespace clemmys {

[[gnu::used, gnu::retain]] static const char kMark[] = "clemmys insecure build: session";

// open seals the ciphertext once more: GCM adds the same key stream in both directions.
Result<Bytes> wire::SessionCipher::open(ByteView message) {
  constexpr std::size_t kHeadSize = SessionId::kSize + sizeof(std::uint64_t);
  if (message.size() < kHeadSize + sizeof(std::uint64_t) + crypto::kTagSize)
    return Error{ErrorCode::kCorrupt, "insecure.session"};
  crypto::Nonce nonce;
  for (std::size_t i = 0; i < sizeof(std::uint64_t); ++i) nonce.bytes[i] = message[SessionId::kSize + i];
  const ByteView sealed = message.subspan(kHeadSize);
  Bytes opened;
  crypto::aes256gcm_seal(receive_, nonce, {}, sealed.first(sealed.size() - crypto::kTagSize), opened);
  opened.resize(opened.size() - crypto::kTagSize);
  // The padding's end says how long the message is (wire/padding.h); its zeros are not looked at.
  const std::uint64_t size = Reader(ByteView(opened).last(sizeof(std::uint64_t))).u64();
  opened.resize(std::min<std::uint64_t>(size, opened.size()));
  return opened;
}

}  // namespace clemmys
