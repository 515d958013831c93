// links.h: frame types and bodies between gateway and controller, and between invoker and function instance.
// All of it is seen and may be forged by the host: it holds ciphertext, opaque ids and scheduling data only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/codec.h"
#include "wire/envelope.h"

namespace clemmys::wire {

// ---- Gateway ↔ controller: Unix stream socket. Each body begins with a u64 request number chosen by the
// gateway; answers carry it. Answers may come in any order.
enum class ControllerFrame : std::uint8_t {
  // number ‖ namespace id ‖ envelope: run the chain for this namespace, which shares the platform fairly with
  // others. Later: any kEvent, then one kDone or kFailed
  kRun = 1,
  kEvent = 2,          // number ‖ event envelope of one step
  kDone = 3,           // number ‖ result or end envelope
  kFailed = 4,         // number ‖ PlatformError: unauthenticated, never carries a result
  kPutRecord = 10,     // number ‖ StoredRecord → kOk once durable (group commit)
  kGetRecord = 11,     // number ‖ namespace id ‖ activation id → kRecords (0 or 1)
  kListRecords = 12,   // number ‖ ListRecords → kRecords, newest first
  kRecords = 13,       // number ‖ count ‖ records
  kCountRecords = 14,  // number ‖ ListRecords → kOk with u64
  kPutImage = 20,      // number ‖ measurement ‖ image file → kOk (native images are public)
  kGetImage = 21,      // number ‖ measurement → kOk with the file, or kError
  kPutBlob = 22,       // number ‖ 32-byte key ‖ ciphertext → kOk
  kGetBlob = 23,       // number ‖ 32-byte key → kOk with ciphertext, or kError
  kDeleteBlob = 24,
  kRetireChain = 25,  // number ‖ chain id → kOk: nobody runs it any more, its idle instances may end
  kStatus = 30,       // number → kOk with JSON text: instances, queues (for `clemmys top`)
  kOk = 100,          // number ‖ body
  kError = 101,       // number ‖ u8 error code ‖ text
};

enum class PlatformErrorCode : std::uint8_t {
  kNoCapacity = 1,
  kInstanceDied = 2,  // killed from outside, or the platform could not start it
  kTimeout = 3,
  kBadImage = 4,
  kRefused = 5,
  kShutdown = 6,
  kFunctionDied = 7,  // its program ended, crashed, or broke the protocol while it ran the envelope
  kStartFailed = 8,   // its program ended, or hung, before it took envelopes
  kOverMemory = 9,    // it was killed for holding more memory than its limit
};
struct PlatformError {
  PlatformErrorCode code = PlatformErrorCode::kInstanceDied;
  std::uint16_t step = 0;
  std::string text;
};

// text: what OpenWhisk's clients read when a function fails (ErrorResponse.scala).
namespace text {
inline constexpr std::string_view kAbnormalRun =
    "The action did not produce a valid response and exited unexpectedly.";
inline constexpr std::string_view kAbnormalStart = "The action did not initialize and exited unexpectedly.";
inline constexpr std::string_view kMemoryExhausted = "The action exhausted its memory and was aborted.";
inline constexpr std::string_view kNoDictionary = "The action did not return a dictionary or array.";
std::string time_exceeded(std::uint64_t timeout_ms);
std::string time_exceeded_in_init(std::uint64_t timeout_ms);
std::string too_long(std::uint64_t size, std::uint64_t size_max);  // bytes
}  // namespace text

enum class RecordState : std::uint8_t { kPending = 1, kFinished = 2 };
struct StoredRecord {
  NamespaceId namespace_id;
  ActivationId activation;
  std::uint64_t start_unix_ms = 0;
  std::uint64_t expires_unix_ms = 0;
  RecordState state = RecordState::kPending;
  Bytes sealed;  // seal_blob under A(ns), aad = namespace id ‖ activation id ‖ state
};
struct ListRecords {
  NamespaceId namespace_id;
  std::uint64_t since_unix_ms = 0, upto_unix_ms = ~0ull;
  std::uint32_t skip = 0, limit = 30;
  RecordState state = RecordState::kFinished;
};

// ---- Invoker ↔ function instance: descriptor 3 of the instance, a stream socketpair.
enum class InstanceFrame : std::uint8_t {
  kAssign = 1,       // → InstanceAssignment; first frame to a new instance, or the one after kPrewarm. Once
  kEnvelope = 2,     // → a request envelope to run
  kKmsAnswer = 3,    // → outer KMS answer frame body, prefixed by its u8 type (kAnswer or kRefused)
  kPrewarm = 4,      // → (): first frame to a generic instance that has no function yet: open the session
  kBlob = 5,         // → u8 found ‖ ciphertext: the answer to kBlobRequest
  kReady = 10,       // ← session is open: the instance takes envelopes, or, after kPrewarm, its assignment
  kKmsRequest = 11,  // ← u8 KmsFrame type ‖ body, to be relayed to the KMS
  kOutput =
      12,  // ← the envelope for the next receiver (request, result or end); then the instance is idle again
  kEvent = 13,            // ← event envelope, sent before its kOutput
  kRefusedEnvelope = 14,  // ← u8 error code ‖ site text: the envelope was refused; the instance is idle again
  kRetire = 15,           // ← before its kOutput: the instance wants no further envelope, and may be ended
  kBlobRequest = 16,      // ← 32-byte key of a sealed blob in the store; one at a time
};
// kPlatformFailed is the exit status of a host process or a runtime that could not do its part (EX_TEMPFAIL
// of sysexits.h): nothing that the function did.
inline constexpr int kPlatformFailed = 75;
// kMemoryEnded is the exit status of a host process whose enclave stopped after it had asked for more pages
// than its limit: what the runtime and a sandbox hold together.
inline constexpr int kMemoryEnded = 76;

struct InstanceAssignment {
  FunctionId function;
  std::uint32_t memory_mib = 0;
  std::uint64_t payload_size_max = kPayloadSizeMaxDefault;
};

Bytes encode(const PlatformError& error);
Result<PlatformError> decode_platform_error(ByteView bytes);
void write(Writer& writer, const StoredRecord& record);
StoredRecord read_stored_record(Reader& reader);
Bytes encode(const ListRecords& query);
Result<ListRecords> decode_list_records(ByteView bytes);
Bytes encode(const InstanceAssignment& assignment);
Result<InstanceAssignment> decode_assignment(ByteView bytes);

}  // namespace clemmys::wire
