#include "gateway/auth.h"

#include "base/secret.h"
#include "crypto/base64.h"
#include "crypto/crypto.h"

namespace clemmys::gateway {
namespace {

bool starts_with_basic(std::string_view header) {
  constexpr std::string_view kScheme = "basic ";
  if (header.size() < kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i] >= 'A' && header[i] <= 'Z' ? static_cast<char>(header[i] + 32) : header[i];
    if (c != kScheme[i]) return false;
  }
  return true;
}

constexpr std::size_t kCredentialsSizeMax = 512;

}  // namespace

Result<const wire::User*> authenticate(const Snapshot& snapshot, std::string_view authorization) {
  const Error refused{ErrorCode::kUnauthenticated, "gateway.auth"};
  if (!starts_with_basic(authorization) || authorization.size() > kCredentialsSizeMax) return refused;
  auto decoded = crypto::from_base64(authorization.substr(6));
  if (!decoded) return refused;
  const std::string_view credentials = as_text(*decoded);
  const std::size_t colon = credentials.find(':');
  if (colon == std::string_view::npos) {
    wipe(decoded->data(), decoded->size());
    return refused;
  }
  const Digest offered = crypto::sha256(as_bytes(credentials.substr(colon + 1)));
  static constexpr Digest kNobody{};
  const wire::User* user = snapshot.user(credentials.substr(0, colon));
  const bool genuine = equal_constant_time(offered.view(), (user ? user->key_digest : kNobody).view());
  wipe(decoded->data(), decoded->size());
  if (!genuine || !user) return refused;
  return user;
}

}  // namespace clemmys::gateway
