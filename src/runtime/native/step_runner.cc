#include "runtime/native/step_runner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/native/memory_scope.h"
#include "runtime/native/merge.h"
#include "wire/links.h"

namespace clemmys::runtime {

namespace {

// kReplayEntriesMax: a minute of 17,000 requests a second, in some 50 MB of heap.
constexpr std::size_t kReplayEntriesMax = 1u << 20;
constexpr std::size_t kFailureTextSizeMax = 64u << 10;
constexpr std::size_t kKeysMax = 256;  // steps whose keys are kept; any is fetched again when needed

wire::Header header_like(const wire::Header& request, const wire::HeaderConstants& constants) {
  wire::Header header;
  header.kind = constants.kind;
  header.step = constants.step;
  header.steps = constants.steps;
  header.activation = request.activation;
  header.chain = request.chain;
  header.chain_digest = request.chain_digest;
  header.receiver = constants.receiver;
  header.image = constants.image;
  header.memory_mib = constants.memory_mib;
  header.timeout_ms = constants.timeout_ms;
  header.deadline_unix_ms = request.deadline_unix_ms;
  return header;
}

// to_gateway is the header of an end or event: the sender's position, no receiver to start.
wire::Header to_gateway(const wire::Header& request, wire::Kind kind) {
  return header_like(request, {.kind = kind, .step = request.step, .steps = request.steps});
}

}  // namespace

// Finished is a judged answer.
struct StepRunner::Finished {
  wire::Outcome outcome = wire::Outcome::kSuccess;
  wire::ContentType content_type = wire::ContentType::kJson;
  Bytes body;
  bool retire = false;
};

StepRunner::StepRunner(const Clock& clock, CallLog& log, Handler handler, FetchKeys fetch_keys, Limits limits,
                       Become become)
    : clock_(clock),
      log_(log),
      handler_(std::move(handler)),
      fetch_keys_(std::move(fetch_keys)),
      limits_(limits),
      become_(std::move(become)),
      replay_cache_(kReplayEntriesMax) {}

// now_unix_ms never goes back, so that an entry dropped from the replay cache cannot become fresh again.
std::uint64_t StepRunner::now_unix_ms(std::uint64_t floor_unix_ms) {
  latest_unix_ms_ = std::max({latest_unix_ms_, floor_unix_ms, clock_.unix_ms()});
  return latest_unix_ms_;
}

Result<const StepRunner::Held*> StepRunner::keys_for(const wire::Header& header) {
  const StepName name(header.chain, header.chain_digest, header.step);
  auto found = keys_.find(name);
  if (found == keys_.end()) {
    wire::StepKeys keys =
        TRY(fetch_keys_({header.chain, header.chain_digest, header.step, limits_.function}));
    if (keys_.size() >= kKeysMax) keys_.erase(keys_.begin());
    Key receipt_key = wire::receipt_key(keys.return_key);
    found = keys_.emplace(name, Held{std::move(keys), std::move(receipt_key)}).first;
  }
  return &found->second;
}

// become counts into the first event's init time: OpenWhisk's /init is where a script is loaded.
Status StepRunner::become(const wire::StepKeys& keys, const wire::Header& header) {
  if (!become_) return {};
  const std::uint64_t started_ns = clock_.monotonic_ns();
  TRY(become_(keys, header));
  limits_.init_ms += (clock_.monotonic_ns() - started_ns) / 1'000'000;
  return {};
}

StepRunner::Finished StepRunner::judge(Reply reply) const {
  using enum wire::Outcome;
  using enum wire::ContentType;
  switch (reply.kind) {
    case Reply::Kind::kFailure:
      return {kHandlerError, kJson, error_json(reply.text.substr(0, kFailureTextSizeMax))};
    case Reply::Kind::kFault:
      return {kRuntimeFault, kJson, error_json(reply.text.substr(0, kFailureTextSizeMax)), reply.retire};
    case Reply::Kind::kOutOfTime:
      return {kTimeExceeded, kJson, error_json(reply.text), reply.retire};
    case Reply::Kind::kException:
      log_.add(Stream::kErr, "the handler ended with an exception: " + reply.text);
      return {kRuntimeFault, kJson, error_json(wire::text::kAbnormalRun)};
    case Reply::Kind::kOutOfMemory:
      return {kRuntimeFault, kJson, error_json(wire::text::kMemoryExhausted), true};
    case Reply::Kind::kAnswer:
      break;
  }
  // The limit is the host's word: what it can provoke is a fault, never the handler's own error.
  if (reply.body.size() > limits_.payload_size_max) {
    return {kRuntimeFault, kJson,
            error_json(wire::text::too_long(reply.body.size(), limits_.payload_size_max))};
  }
  if (!reply.is_json) return {kSuccess, kOctets, std::move(reply.body)};
  switch (shape_of(reply.body)) {
    case JsonShape::kInvalid:
      log_.add(Stream::kErr, "the handler's answer is not a JSON object or array");
      return {kRuntimeFault, kJson, error_json(wire::text::kNoDictionary)};
    case JsonShape::kError:
      return {kHandlerError, kJson, std::move(reply.body)};
    case JsonShape::kPlain:
      break;
  }
  return {kSuccess, kJson, std::move(reply.body)};
}

StepRunner::Finished StepRunner::call_handler(const wire::StepKeys& keys, const wire::Header& header,
                                              const wire::Payload& request) {
  Call call;
  call.is_json = request.content_type == wire::ContentType::kJson;
  Bytes merged;
  if (call.is_json) {
    auto result = merge_parameters(keys.parameters_json, request.body);
    if (!result)
      return {wire::Outcome::kRuntimeFault, wire::ContentType::kJson,
              error_json("The action's parameters are not usable.")};
    merged = std::move(*result);
  }
  call.body = call.is_json ? ByteView(merged) : ByteView(request.body);
  call.parameters_json = keys.parameters_json;
  call.activation_id = to_hex(header.activation);
  call.action_name = keys.action_name;
  call.action_version = keys.action_version;
  call.namespace_name = keys.namespace_name;
  call.deadline_unix_ms = std::min(header.deadline_unix_ms, clock_.unix_ms() + keys.in.timeout_ms);
  call.timeout_ms = keys.in.timeout_ms;
  call.memory_mib = keys.in.memory_mib;
  const std::uint64_t started_ns = clock_.monotonic_ns();
  Reply reply = [&] {
    std::optional<MemoryScope> memory;
    if (limits_.memory == MemoryKeeper::kProcess) memory.emplace(keys.in.memory_mib);
    return handler_(call);
  }();
  wipe(merged.data(), merged.size());
  // Native code cannot be interrupted from inside; the host ends it. An answer that comes too late is none,
  // even when the host let it pass.
  if (clock_.monotonic_ns() - started_ns > keys.in.timeout_ms * std::uint64_t{1'000'000})
    return {wire::Outcome::kTimeExceeded, wire::ContentType::kJson,
            error_json(wire::text::time_exceeded(keys.in.timeout_ms))};
  return judge(std::move(reply));
}

Result<StepOutput> StepRunner::run(ByteView envelope,
                                   const std::function<std::uint64_t()>& time_floor_unix_ms) {
  const wire::Header header = TRY(wire::decode_header(envelope));
  if (header.kind != wire::Kind::kRequest || header.receiver != limits_.function)
    return Error{ErrorCode::kDenied, "runtime.step.receiver"};
  const Held& held = *TRY(keys_for(header));
  const wire::StepKeys& keys = held.keys;
  if (!wire::matches(keys.in, header)) return Error{ErrorCode::kDenied, "runtime.step.header_constants"};
  wire::Payload request = TRY(wire::open(envelope, keys.edge_in));
  const WipeAtEnd wipe_request(request.body);
  log_.begin(std::size_t{keys.logs_mib} << 20);  // what loading a script prints is the first call's
  TRY(become(keys, header));
  const std::uint64_t start = now_unix_ms(time_floor_unix_ms());
  if (header.deadline_unix_ms <= start) return Error{ErrorCode::kDeadline, "runtime.step.deadline"};
  TRY(replay_cache_.admit(header.activation, header.step, header.deadline_unix_ms, start));

  Finished finished = call_handler(keys, header, request);
  wire::Event event{.outcome = finished.outcome,
                    .start_unix_ms = start,
                    .end_unix_ms = 0,
                    .init_ms = std::exchange(limits_.init_ms, 0),
                    .log = log_.end(),
                    .result = finished.body,
                    .result_type = finished.content_type};
  event.end_unix_ms = now_unix_ms(0);

  const bool ends_early = finished.outcome != wire::Outcome::kSuccess;
  wire::Payload answer;
  answer.content_type = finished.content_type;
  answer.outcome =
      ends_early || keys.out.kind == wire::Kind::kResult ? finished.outcome : wire::Outcome::kNone;
  answer.blinding = std::move(request.blinding);
  answer.receipts = std::move(request.receipts);
  answer.receipts.push_back(wire::sign_receipt(held.receipt_key, header, answer.blinding, limits_.function,
                                               keys.in.image, keys.code, request.body, finished.body,
                                               (event.end_unix_ms - start) * 1'000'000));
  answer.log_digests = std::move(request.log_digests);
  answer.log_digests.push_back(crypto::sha256(event.log));
  answer.body = std::move(finished.body);

  StepOutput out{.retire = finished.retire};
  out.event = wire::seal_event(to_gateway(header, wire::Kind::kEvent), keys.return_key, event);
  out.output = ends_early ? wire::seal(to_gateway(header, wire::Kind::kEnd), keys.return_key, answer)
                          : wire::seal(header_like(header, keys.out), keys.edge_out, answer);
  for (Bytes* clear : {&answer.body, &event.log, &event.result}) wipe(clear->data(), clear->size());
  return out;
}

}  // namespace clemmys::runtime
