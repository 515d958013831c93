// keys.cc: the key schedule of chains. Each derivation has its own label; positions are u16 little-endian.
#include "base/codec.h"
#include "crypto/crypto.h"
#include "wire/envelope.h"

namespace clemmys::wire {
namespace {

Key derive(const Key& secret, std::string_view label, ByteView context = {}) {
  Writer info;
  info.raw(as_bytes(label));
  info.raw(context);
  return crypto::hkdf_sha256(secret.view(), {}, info.bytes());
}

Key derive_at(const Key& chain_secret, std::string_view label, const Digest& chain_digest,
              std::uint16_t position) {
  Writer context;
  context.fixed(chain_digest);
  context.u16(position);
  return derive(chain_secret, label, context.bytes());
}

}  // namespace

Key edge_key(const Key& chain_secret, const Digest& chain_digest, std::uint16_t edge) {
  return derive_at(chain_secret, "clemmys/edge/v1", chain_digest, edge);
}

Key return_key(const Key& chain_secret, const Digest& chain_digest, std::uint16_t step) {
  return derive_at(chain_secret, "clemmys/return/v1", chain_digest, step);
}

Key receipt_key(const Key& return_key_of_step) { return derive(return_key_of_step, "clemmys/receipt/v1"); }

ActivationId new_activation_id(std::uint64_t unix_ms) {
  auto id = crypto::random_fixed<ActivationId>();
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(unix_ms >> (8 * (5 - i)));
  return id;
}

ActivationId component_activation(const Key& return_key_of_step, const ActivationId& activation) {
  const Key derived = derive(return_key_of_step, "clemmys/component/v1", activation.view());
  ActivationId component;
  std::memcpy(component.bytes.data(), derived.view().data(), ActivationId::kSize);
  return component;
}

}  // namespace clemmys::wire
