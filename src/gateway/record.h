// record.h: activation records: what OpenWhisk's clients read about an invocation after the fact. A record
// leaves the enclave only sealed under the namespace's record key, bound to namespace, activation and state,
// so the store can lose it but not alter, swap or roll it back into another state. The result and log stay
// the bytes they were.
#pragma once

#include <string>
#include <vector>

#include "wire/definitions.h"
#include "wire/links.h"

namespace clemmys::gateway {

// OpenWhisk's statusCode.
enum class ActivationStatus : std::uint8_t {
  kSuccess = 0,
  kApplicationError = 1,
  kDeveloperError = 2,
  kPlatformError = 3
};

struct ActivationRecord {
  ActivationId activation;
  ActivationId cause;  // zero: topmost
  std::string namespace_name, subject;
  std::string package, name, version;  // of the action or sequence
  std::string kind;
  wire::Limits limits;                 // as the annotation shows them
  std::uint64_t received_unix_ms = 0;  // when the gateway took the request
  std::uint64_t start_unix_ms = 0, end_unix_ms = 0, duration_ms = 0, wait_ms = 0, init_ms = 0;
  std::uint64_t deadline_unix_ms = 0;
  ChainId chain;
  Digest chain_digest;
  ActivationStatus status = ActivationStatus::kSuccess;
  bool sequence = false;  // logs are component ids
  bool timed_out = false;
  std::string platform_error;  // stable word; empty unless an unauthenticated platform error ended it
  wire::ContentType result_type = wire::ContentType::kJson;
  Bytes result;  // JSON text that was checked, or any bytes
  Bytes log;     // lines "<ISO time> stdout|stderr: text\n"
  std::vector<ActivationId> components;
};

// seal gives the stored form; records outlive their action and expire after kRecordLifetimeMs.
inline constexpr std::uint64_t kRecordLifetimeMs = 7ull * 24 * 3600 * 1000;
wire::StoredRecord seal_record(const ActivationRecord& record, wire::RecordState state,
                               const wire::Namespace& owner);
// open refuses (kCorrupt) what was not sealed for exactly this owner and the ids and state that `stored`
// names.
Result<ActivationRecord> open_record(const wire::StoredRecord& stored, const wire::Namespace& owner);
// decode_record reads what is inside; it says nothing about whose record it is.
Result<ActivationRecord> decode_record(ByteView opened);

// settle turns a pending record, whose answer can no longer come, into a finished one that says so.
void settle(ActivationRecord& record, std::uint64_t now_unix_ms);

// ---- JSON, in OpenWhisk's shapes.
enum class Logs : bool { kOmit, kInclude };
std::string record_json(const ActivationRecord& record, Logs logs);
std::string brief_json(const ActivationRecord& record);
std::string logs_json(const ActivationRecord& record);      // {"logs": [...]}
std::string response_json(const ActivationRecord& record);  // {"result","size","status","success"}
std::string result_json(const ActivationRecord& record);  // the result alone; bytes as {"bytes_base64": text}
std::string_view status_text(ActivationStatus status);

}  // namespace clemmys::gateway
