// The attested session: its three handshake messages, and messages of an open session, of which only the next
// genuine one opens.
#include "fuzz.h"
#include "wire/session.h"

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t { kNonce, kHello, kAccept, kMessage, kSelectors };

// Handshake is one made before the first input; accept of every input must fail against it.
struct Handshake {
  crypto::Ed25519KeyPair kms = crypto::ed25519_from_seed(crypto::hkdf_sha256(as_bytes("fuzz"), {}, {}));
  wire::SessionClient client{wire::Role::kFunction, wire::make_nonce(kms, 1)};
  Bytes hello = client.hello(to_bytes("quote"));
  Bytes accept = wire::accept_session(hello, wire::decode_hello(hello).value(), kms).value().accept;
};

Handshake& handshake() {
  static Handshake made;
  return made;
}

void try_accept(ByteView input) {
  check_one_encoding(input, wire::decode_accept);
  Handshake& known = handshake();
  if (!equal_constant_time(input, known.accept)) CHECK(!known.client.accept(input));
}

wire::SessionCipher cipher() {
  return {{}, crypto::hkdf_sha256(as_bytes("a"), {}, {}), crypto::hkdf_sha256(as_bytes("b"), {}, {})};
}

// The peer's first message is the only one that opens, and only once.
void try_message(ByteView input) {
  wire::SessionCipher own = cipher();
  wire::SessionCipher peer({}, crypto::hkdf_sha256(as_bytes("b"), {}, {}),
                           crypto::hkdf_sha256(as_bytes("a"), {}, {}));
  const Bytes genuine = peer.seal(as_bytes("answer"));
  CHECK(own.open(input).has_value() == equal_constant_time(input, genuine));
  CHECK(!own.open(input));
}

}  // namespace

std::vector<Bytes> seeds() {
  Handshake& known = handshake();
  wire::SessionCipher peer({}, crypto::hkdf_sha256(as_bytes("b"), {}, {}),
                           crypto::hkdf_sha256(as_bytes("a"), {}, {}));
  return {tagged(kNonce, encode(wire::make_nonce(known.kms, 1))), tagged(kHello, known.hello),
          tagged(kAccept, known.accept), tagged(kMessage, peer.seal(as_bytes("answer")))};
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  namespace wire = clemmys::wire;
  static const bool kReady = clemmys::crypto::initialize().has_value();
  CHECK(kReady);
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kNonce:
      check_one_encoding(input, wire::decode_nonce);
      break;
    case kHello:
      check_one_encoding(input, wire::decode_hello);
      break;
    case kAccept:
      try_accept(input);
      break;
    default:
      try_message(input);
      break;
  }
  return 0;
}
