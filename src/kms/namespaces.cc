// namespaces.cc: the changes that make namespaces and users.
#include "crypto/crypto.h"
#include "kms/changes.h"
#include "kms/definition_rules.h"

namespace clemmys::kms {
namespace {

// random_text gives `size` characters of [a-zA-Z0-9], unbiased.
std::string random_text(std::size_t size) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::uint8_t kLimit = 256 - 256 % kAlphabet.size();
  std::string text;
  while (text.size() < size) {
    Secret<64> random;
    crypto::random_bytes(random.mutable_view());
    for (const std::uint8_t byte : random.view()) {
      if (byte < kLimit && text.size() < size) text.push_back(kAlphabet[byte % kAlphabet.size()]);
    }
  }
  return text;
}

// random_uuid is version 4 (RFC 4122 §4.4).
std::string random_uuid() {
  auto bytes = crypto::random_fixed<FixedBytes<16, struct UuidTag>>();
  bytes.bytes[6] = static_cast<std::uint8_t>((bytes.bytes[6] & 0x0f) | 0x40);
  bytes.bytes[8] = static_cast<std::uint8_t>((bytes.bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (const std::size_t position : {8u, 13u, 18u, 23u}) text.insert(position, 1, '-');
  return text;
}

Delta next_delta(const ChangeContext& context) {
  Delta delta;
  delta.revision = context.state.revision() + 1;
  delta.unix_ms = context.now_unix_ms;
  return delta;
}

}  // namespace

Result<NewNamespace> create_namespace(const ChangeContext& context, const std::string& name) {
  if (!is_entity_name(name) || name == "_") return Error{ErrorCode::kInvalid, "kms.namespace.name"};
  if (context.state.find_namespace(name) != nullptr) return Error{ErrorCode::kExists, "kms.namespace.exists"};
  NewNamespace made{next_delta(context), random_text(43)};
  NamespaceEntry entry;
  entry.id = crypto::random_fixed<NamespaceId>();
  entry.name = name;
  entry.record_key = crypto::random_key();
  entry.policy = context.policy.digest;
  entry.claim = crypto::sha256(as_bytes(made.token));
  made.delta.namespaces.push_back(std::move(entry));
  return made;
}

Result<ClaimedNamespace> claim_namespace(const ChangeContext& context, const wire::ClaimNamespace& request) {
  // One answer for "no such namespace", "claimed already" and "wrong token": a guesser learns nothing.
  const Error denied{ErrorCode::kDenied, "kms.namespace.claim",
                     "the claim token is wrong or was used already"};
  const NamespaceEntry* old = context.state.find_namespace(request.namespace_name);
  if (old == nullptr || old->claim.is_zero() || old->policy != context.policy.digest) return denied;
  if (!equal_constant_time(crypto::sha256(as_bytes(request.token)).view(), old->claim.view())) return denied;

  ClaimedNamespace claimed{next_delta(context), {request.namespace_name, random_uuid(), random_text(64)}};
  NamespaceEntry entry;
  entry.id = old->id;
  entry.name = old->name;
  entry.record_key = old->record_key.copy();
  entry.policy = old->policy;
  claimed.delta.namespaces.push_back(std::move(entry));
  wire::User user;
  user.subject = claimed.user.subject;
  user.namespace_name = request.namespace_name;
  user.uuid = claimed.user.uuid;
  user.key_digest = crypto::sha256(as_bytes(claimed.user.key));
  claimed.delta.users.push_back(std::move(user));
  return claimed;
}

}  // namespace clemmys::kms
