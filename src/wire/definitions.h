// definitions.h: users, actions, sequences and chains as the KMS holds them and gateways see them.
// JSON-valued OpenWhisk fields (annotations, parameters) travel as JSON text, checked by who accepts them
// from users.
#pragma once

#include <string>
#include <vector>

#include "base/codec.h"
#include "base/secret.h"
#include "crypto/crypto.h"
#include "wire/code.h"
#include "wire/kinds.h"

namespace clemmys::wire {

struct Limits {
  std::uint32_t timeout_ms = 60'000;  // 100 … 300 000
  std::uint32_t memory_mib = 256;     // 128 … 512 (operator may widen)
  std::uint32_t logs_mib = 10;        // 0 … 10
  std::uint32_t concurrency = 1;
  bool operator==(const Limits&) const = default;
};

// Namespace: `id` is what the host sees instead of the name. record_key seals activation records (gateways
// only).
struct Namespace {
  NamespaceId id;
  std::string name;
  Key record_key;
  std::uint64_t revision = 0;  // of the view in which it last changed
};

// User: authentication is `uuid:key` (HTTP Basic); only SHA-256(key) is kept.
struct User {
  std::string subject, namespace_name, uuid;
  Digest key_digest;
  std::uint64_t revision = 0;
  bool deleted = false;
};

// Action: one revision of one action or sequence. Full name: namespace/[package/]name.
struct Action {
  std::string namespace_name, package, name;
  std::string kind;                     // a full name of kinds.h
  std::vector<std::string> components;  // sequences: "/ns/[pkg/]name", as given
  Measurement image;                    // native: of its own image; script: of the generic image, by the KMS
  Digest code;                          // SHA-256 of the code (native: equals the image file's digest)
  CodeId code_id;                       // script: which sealed code; its key is in View::codes
  std::uint64_t code_size = 0;
  bool binary = true;  // script: a zip archive
  std::string main;
  std::string annotations_json = "[]";  // array of {key,value}
  std::string parameters_json = "[]";   // array of {key,value[,init]}
  Limits limits;
  std::string version = "0.0.1";
  bool publish = false;
  std::uint64_t updated_unix_ms = 0;
  FunctionId function;  // of this revision; zero for sequences
  ChainId chain;        // the current chain that runs it
  std::uint64_t revision = 0;
  bool deleted = false;
};

// ChainStep is what the controller may know of a step, and what the digest covers.
struct ChainStep {
  FunctionId function;
  Measurement image;
  Digest code;
  Digest parameters;  // digest of merged default parameters
  std::uint32_t memory_mib = 0, timeout_ms = 0;
  std::string action;  // full name, for records; not part of the digest
};

// Chain: with the keys a gateway gets: edge 0, edge n, every return key.
struct Chain {
  ChainId id;
  NamespaceId namespace_id;
  std::string namespace_name;
  Digest digest;
  std::vector<ChainStep> steps;
  Key first_edge, last_edge;
  std::vector<Key> return_keys;
  std::uint64_t revision = 0;
  std::uint64_t retired_unix_ms = 0;  // 0: current
};

// chain_digest = SHA-256 over namespace id and the ordered (function, image, code, parameters) of the steps.
Digest chain_digest(const NamespaceId& namespace_id, const std::vector<ChainStep>& steps);

// View is everything that changed after a revision (all, after 0).
struct View {
  std::uint64_t revision = 0;
  std::vector<Namespace> namespaces;
  std::vector<User> users;
  std::vector<Action> actions;
  std::vector<Chain> chains;
  std::vector<CodeKey> codes;  // of the actions above that are scripts
};
Bytes encode(const View& view);
Result<View> decode_view(ByteView bytes);
// The same encodings, for journal and requests.
void write(Writer& writer, const Action& action);
Action read_action(Reader& reader);
void write(Writer& writer, const ChainStep& step);
ChainStep read_step(Reader& reader);
inline constexpr std::size_t kStepSizeMin = 16 + 3 * 32 + 2 * 4 + 4;  // without its text

}  // namespace clemmys::wire
