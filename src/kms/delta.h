// delta.h: one change of the KMS's state as data: everything that became different, complete, with its random
// values. Replaying the journal applies deltas in order and decides nothing, so the same journal always gives
// the same state. Secrets (chain secrets, record keys, the CA key) are inside: an encoded delta only exists
// inside the enclave and, encrypted, in the journal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wire/definitions.h"

namespace clemmys::kms {

// Deployment belongs to one root policy: another policy digest has another CA and another session identity.
struct Deployment {
  Digest policy;
  Key ca_scalar;         // P-256
  Bytes ca_certificate;  // DER
  Key session_seed;      // Ed25519: signs nonces and session answers
};

// NamespaceEntry is bound to the root policy under which it was made: under another one it is locked.
struct NamespaceEntry {
  NamespaceId id;
  std::string name;
  Key record_key;
  Digest policy;
  Digest claim;  // SHA-256 of the one-time token; zero once claimed
  std::uint64_t revision = 0;
};

// ChainEntry: what wire::Chain's keys are derived from.
struct ChainEntry {
  ChainId id;
  NamespaceId namespace_id;
  std::string namespace_name;
  Digest digest;
  std::vector<wire::ChainStep> steps;
  Key secret;
  std::uint64_t revision = 0;
  std::uint64_t retired_unix_ms = 0;
};

struct Delta {
  std::uint64_t revision = 0;  // of the state after it; every entity in it gets it
  std::uint64_t unix_ms = 0;
  std::optional<Deployment> deployment;
  std::vector<NamespaceEntry> namespaces;
  std::vector<wire::User> users;
  std::vector<wire::Action> actions;
  std::vector<ChainEntry> chains;
  std::vector<ChainId> retired;      // chains that end now
  std::vector<wire::CodeKey> codes;  // of scripts in `actions` whose code is new
};

Bytes encode(const Delta& delta);
Result<Delta> decode_delta(ByteView bytes);

}  // namespace clemmys::kms
