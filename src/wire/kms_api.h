// kms_api.h: what travels to the KMS. Outer frames (untrusted relay, one answer per request) and the requests
// inside sessions.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "wire/definitions.h"
#include "wire/envelope.h"
#include "wire/session.h"

namespace clemmys::wire {

// ---- Outer: Unix stream socket, frames `u32 length ‖ u8 type ‖ body` (frame.h). The answer is type kAnswer
// or kRefused (body: error code u8 ‖ site text). Requests on one connection are answered in order.
enum class KmsFrame : std::uint8_t {
  kNonce = 1,            // () → SignedNonce
  kHello = 2,            // SessionHello → SessionAccept
  kMessage = 3,          // session message → session message
  kEvidence = 4,         // 32-byte client nonce → KmsEvidence
  kCreateNamespace = 5,  // operator: name text → one-time claim token text (an empty namespace harms nobody)
  kAnswer = 128,
  kRefused = 129,
};

// KmsEvidence: a fresh quote whose report data is SHA-512("clemmys/kms/v1" ‖ CA public key digest ‖ root
// policy digest ‖ nonce).
struct KmsEvidence {
  Bytes quote;
  Bytes ca_certificate_der;
  Bytes root_policy;  // the exact YAML text
  Bytes collateral;   // attest::encode(Collateral), what the KMS itself uses
};
Bytes encode(const KmsEvidence& evidence);
Result<KmsEvidence> decode_evidence(ByteView bytes);
FixedBytes<64, struct KmsReportTag> kms_report_data(const Digest& ca_certificate, const Digest& root_policy,
                                                    ByteView nonce);

// ---- Inside a session: request `u8 operation ‖ fields`, answer `u8 0 ‖ u64 time floor (unix ms) ‖ fields`
// or `u8 error code ‖ u64 time floor ‖ site text`.

// HeaderConstants are the fields of an edge's header that the host may not choose.
struct HeaderConstants {
  Kind kind = Kind::kRequest;
  std::uint16_t step = 0, steps = 0;
  FunctionId receiver;
  Measurement image;
  std::uint32_t memory_mib = 0, timeout_ms = 0;
  bool operator==(const HeaderConstants&) const = default;
};
bool matches(const HeaderConstants& constants, const Header& header);

// GetStepKeys: a function instance asks for the keys of the step it was handed. The first one binds the
// session for life to (function, invoking namespace). The KMS refuses unless the session's measurement is the
// step's image.
struct GetStepKeys {
  ChainId chain;
  Digest chain_digest;
  std::uint16_t step = 0;
  FunctionId function;
};
// ScriptKeys are what a generic image needs to become one function. Native functions get none.
struct ScriptKeys {
  CodeKey code;
  bool is_zip = false;
  std::string main;
  bool isolate = false;  // annotation: the memory goes back to the assigned state after each call
  std::vector<std::pair<std::string, std::string>> environment;  // __OW_… that hold for life, init parameters
};
struct StepKeys {
  Key edge_in, edge_out, return_key;
  HeaderConstants in, out;
  Digest code;
  Digest parameters_digest;
  std::string parameters_json;  // merged package, binding and action parameters: a JSON object
  std::string namespace_name, action_name, action_version;
  std::uint32_t logs_mib = 10;
  NamespaceId namespace_id;
  std::optional<ScriptKeys> script;
};

// Requests of a gateway.
struct SignCsr {
  Bytes csr_der;
};  // → CertificateChain
struct CertificateChain {
  std::vector<Bytes> certificates_der;
  std::uint64_t not_after_unix_ms = 0;
};
struct GetView {
  std::uint64_t since_revision = 0;
};  // → View (waits not)
struct ClaimNamespace {
  std::string namespace_name, token;
};  // → NewUser
struct NewUser {
  std::string subject, uuid, key;
};  // key is shown once, never stored
// NewCode makes a key for code that is about to be deployed. The session keeps it until a PutAction names its
// id; only the newest kNewCodesMax of a session count.
struct NewCode {};  // → CodeKey
inline constexpr std::size_t kNewCodesMax = 64;
// PutAction creates or replaces: `expected_revision` 0 = must not exist, else the revision that the caller
// saw (stale: kConflict). The KMS assigns function id, chain, version, updated, and a script's image; it
// re-flattens every chain that contains the action. A script's code_id is the one it has, with the same code,
// or one that NewCode gave to this session.
struct PutAction {
  Action action;
  std::uint64_t expected_revision = 0;
};  // → View since `known_revision`
struct DeleteAction {
  std::string namespace_name, package, name;
  std::uint64_t expected_revision = 0;
};

using FunctionRequest = std::variant<GetStepKeys>;
using GatewayRequest = std::variant<SignCsr, GetView, ClaimNamespace, NewCode, PutAction, DeleteAction>;
Bytes encode(const FunctionRequest& request);
Bytes encode(const GatewayRequest& request);
Result<FunctionRequest> decode_function_request(ByteView bytes);
Result<GatewayRequest> decode_gateway_request(ByteView bytes);

// Answers. `decode_answer` splits off status and time floor; the rest is the operation's answer.
struct Answer {
  std::uint64_t time_floor_unix_ms = 0;
  Bytes body;
};
Bytes encode_answer(std::uint64_t time_floor_unix_ms, ByteView body);
Bytes encode_refusal(std::uint64_t time_floor_unix_ms, const Error& error);
// decode_answer turns a refusal into its Error; the site becomes a detail (sites are static strings).
Result<Answer> decode_answer(ByteView bytes);
Bytes encode(const StepKeys& keys);
Result<StepKeys> decode_step_keys(ByteView bytes);
Bytes encode(const CodeKey& code);
Result<CodeKey> decode_code_key(ByteView bytes);
Bytes encode(const CertificateChain& chain);
Result<CertificateChain> decode_certificate_chain(ByteView bytes);
Bytes encode(const NewUser& user);
Result<NewUser> decode_new_user(ByteView bytes);

}  // namespace clemmys::wire
